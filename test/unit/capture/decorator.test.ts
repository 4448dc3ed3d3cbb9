import { describe, expect, it } from 'vitest'
import { AuditError } from '../../../config/errors'
import { AuditUpdateDelete, decorationOf } from '../../../src/capture/decorator'

const ALL = ['OBJ_CREATE', 'OBJ_UPDATE', 'OBJ_DELETE']

describe('@AuditUpdateDelete', () => {
  it('logs all changes, with and without parentheses', () => {
    @AuditUpdateDelete
    class Plain {}
    @AuditUpdateDelete()
    class Called {}
    @AuditUpdateDelete({})
    class Empty {}
    for (const one of [Plain, Called, Empty]) {
      expect(decorationOf(one)).toEqual({ actions: ALL, except: [], mask: [] })
    }
  })

  it('takes options, with both spellings of the actions', () => {
    const label = (account: Account) => account.iban
    @AuditUpdateDelete<Account>({
      actions: ['update', 'OBJ_DELETE', 'delete'],
      except: ['seen'],
      mask: ['iban'],
      label,
    })
    class Account {
      iban = ''
    }
    expect(decorationOf(Account)).toEqual({
      actions: ['OBJ_UPDATE', 'OBJ_DELETE'],
      except: ['seen'],
      mask: ['iban'],
      label,
    })
  })

  it('is inherited, unless the subclass is decorated itself', () => {
    @AuditUpdateDelete({ mask: ['secret'] })
    class Parent {}
    class Child extends Parent {}
    @AuditUpdateDelete({ actions: ['create'] })
    class Own extends Child {}
    class Grandchild extends Own {}
    expect(decorationOf(Child)?.mask).toEqual(['secret'])
    expect(decorationOf(Own)).toEqual({ actions: ['OBJ_CREATE'], except: [], mask: [] })
    expect(decorationOf(Grandchild)).toBe(decorationOf(Own))
    expect(decorationOf(Parent)?.mask).toEqual(['secret'])
  })

  it('leaves other classes and other values alone', () => {
    class Other {}
    for (const one of [Other, Object, undefined, null, 'Other', 1, {}]) expect(decorationOf(one)).toBeUndefined()
  })

  it('is seen by a second copy of the package', () => {
    @AuditUpdateDelete
    class Shared {}
    const key = Symbol.for('typeorm-audit-logger.decorations')
    const registry = (globalThis as unknown as Record<symbol, WeakMap<object, unknown>>)[key]
    expect(registry?.get(Shared)).toBe(decorationOf(Shared))
  })

  it('keeps its options from being changed afterwards', () => {
    const mask = ['iban']
    @AuditUpdateDelete({ mask })
    class Account {}
    mask.pop()
    expect(decorationOf(Account)?.mask).toEqual(['iban'])
    expect(Object.isFrozen(decorationOf(Account)?.mask)).toBe(true)
  })

  const circular: Record<string, unknown> = {}
  circular.self = circular
  it.each<[string, unknown, string, string]>([
    ['an unknown option', { masks: ['a'] }, 'masks is ["a"]', 'actions, only, except, mask, label'],
    ['an unknown action', { actions: ['insert'] }, 'actions is "insert"', "'create', 'update' and 'delete'"],
    ['no action', { actions: [] }, 'actions is []', "'create', 'update' and 'delete'"],
    ['an action that is no list', { actions: 'update' }, 'actions is "update"', "'create', 'update' and 'delete'"],
    ['a name of Object.prototype', { actions: ['constructor'] }, 'actions is "constructor"', "'create'"],
    ['a text for a list', { mask: 'iban' }, 'mask is "iban"', 'a list of property names'],
    ['an empty list', { only: [] }, 'only is []', 'a list of property names'],
    ['a name that is none', { except: [''] }, 'except is [""]', 'a list of property names'],
    ['only and except at once', { only: ['a'], except: ['b'] }, 'except is ["b"]', 'either only or except'],
    ['a label that is neither', { label: 7 }, 'label is 7', 'a property name, or a function'],
    ['a list for options', [], 'the argument is []', 'nothing, or an object'],
    ['null', null, 'the argument is null', 'nothing, or an object'],
    ['a text', 'update', 'the argument is "update"', 'nothing, or an object'],
    ['something circular', { mask: circular }, 'mask is [object Object]', 'a list of property names'],
    ['a function in a list', { mask: [() => 1] }, 'mask is [null]', 'a list of property names'],
  ])('refuses %s where the class is defined', (_, options, what, accepted) => {
    class Invoice {}
    const decorate: (target: typeof Invoice) => void = AuditUpdateDelete(options as object)
    const error = caught(() => decorate(Invoice))
    expect(error.code).toBe('AUDIT_DECORATION_INVALID')
    expect(error.message).toContain(`@AuditUpdateDelete on Invoice: ${what}`)
    expect(error.remedy).toContain(accepted)
    expect(decorationOf(Invoice)).toBeUndefined()
  })

  it('refuses to stand above a method', () => {
    const decorate = AuditUpdateDelete as unknown as (...given: unknown[]) => void
    const error = caught(() => decorate({ constructor: class Invoice {} }, 'total', {}))
    expect(error.message).toContain('@AuditUpdateDelete on Invoice: the target is no class')
    const called = AuditUpdateDelete() as unknown as (...given: unknown[]) => void
    expect(caught(() => called({ constructor: class Invoice {} })).code).toBe('AUDIT_DECORATION_INVALID')
  })
})

function caught(run: () => void): AuditError {
  try {
    run()
  } catch (error) {
    if (error instanceof AuditError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
