import 'reflect-metadata'
import { Column, type DataSource, Entity, PrimaryGeneratedColumn } from 'typeorm'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { AuditError } from '../../../config/errors'
import { AuditUpdateDelete } from '../../../src/capture/decorator'
import { runWithContext, setContextUser } from '../../../src/context/context'
import { openLoggers } from '../../../src/event-logger'
import { Audited } from '../../../src/events/audited'
import { parameterNames } from '../../../src/events/parameter-names'
import { auditing, sqljs } from './support'

@Entity()
@AuditUpdateDelete({ mask: ['iban'] })
class Account {
  @PrimaryGeneratedColumn() id!: number
  @Column() iban!: string
  @Column() owner!: string
}

const FAILURE = new TypeError('no money')

/** As NestJS does: on the function itself. */
function Mark(value: string): MethodDecorator {
  return (_target, _key, descriptor) => Reflect.defineMetadata('mark', value, descriptor.value as object)
}

class Bank {
  balance = 5

  @Audited('PAID', { arguments: ['id', 'amount', 3], instance: 'account' })
  @Mark('below')
  async pay(id: number, amount: string, account: Account, note = { text: 'n,(' }): Promise<string> {
    await Promise.resolve()
    setContextUser({ id: 9 })
    note.text = 'changed'
    account.owner = 'changed'
    return `${this.balance} ${id} ${amount}`
  }

  @Mark('above')
  @Audited('FAILED')
  fail(): never {
    throw FAILURE
  }

  @Audited('FAILED_LATER', { arguments: { secretWord: 0, whole: 1 } })
  async failLater(_: string, _account: Account): Promise<void> {
    throw FAILURE
  }

  @Audited('STATIC')
  static count(...values: number[]): number {
    return values.length
  }

  @Audited<Bank>('OWN', { audit: (self) => self.audit, instance: (self) => ({ id: self.balance }) })
  own(): void {}

  audit: ReturnType<typeof auditing>['audit'] | undefined
}

let dataSource: DataSource
beforeAll(async () => {
  dataSource = await sqljs([Account])
})
afterAll(() => dataSource.destroy())
afterEach(() => openLoggers.clear())

function account(): Account {
  return dataSource.manager.create(Account, { id: 7, iban: 'CH93-0076', owner: 'ann' })
}

describe('a method with @Audited', () => {
  it('is recorded when its promise is settled, with chosen arguments as they were given', async () => {
    const { audit, queue } = auditing()
    audit.attach(dataSource)
    const note = { text: 'first' }
    const result = await runWithContext({ user: { id: 1 } }, () => {
      const promise = new Bank().pay(3, '2.00', account(), note)
      expect(queue.events).toEqual([])
      return promise
    })
    expect(result).toBe('5 3 2.00')
    expect(queue.events).toHaveLength(1)
    expect(queue.events[0]).toMatchObject({
      action: 'PAID',
      outcome: 'success',
      user: { pk: '9' },
      instance: { model: 'Account', pk: '7' },
      content: { method: 'Bank.pay', arguments: { id: 3, amount: '2.00', note: { text: 'first' } } },
    })
    expect(queue.events[0]?.content?.duration_ms).toBeGreaterThanOrEqual(0)
    audit.detach()
  })

  it('throws what it throws, unchanged, and the event says why', async () => {
    const { queue } = auditing()
    const bank = new Bank()
    let thrown: unknown
    try {
      bank.fail()
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBe(FAILURE)
    await expect(bank.failLater('hunter22', account())).rejects.toBe(FAILURE)
    expect(queue.events).toMatchObject([
      { action: 'FAILED', outcome: 'failure', reason: 'TypeError: no money', content: { method: 'Bank.fail' } },
      { action: 'FAILED_LATER', outcome: 'failure', reason: 'TypeError: no money' },
    ])
  })

  it('masks its arguments: by their names, and entities as they mask themselves', async () => {
    const { audit, queue } = auditing()
    audit.attach(dataSource)
    await expect(new Bank().failLater('hunter22', account())).rejects.toThrow()
    expect(queue.events[0]?.content?.arguments).toEqual({
      secretWord: '***',
      whole: { id: 7, iban: '***', owner: 'ann' },
    })
    expect(queue.pushes.join()).not.toMatch(/hunter22|CH93/)
    audit.detach()
  })

  it('keeps its name, length and metadata, whichever way round decorators stand', () => {
    const { pay, fail } = Bank.prototype
    expect([pay.name, pay.length, fail.name]).toEqual(['pay', 3, 'fail'])
    expect([Reflect.getMetadata('mark', pay), Reflect.getMetadata('mark', fail)]).toEqual(['below', 'above'])
  })

  it('may be static', () => {
    const { last } = auditing()
    expect(Bank.count(1, 2)).toBe(2)
    expect(last()).toMatchObject({ action: 'STATIC', content: { method: 'Bank.count' } })
    expect(last()?.content).not.toHaveProperty('arguments')
  })

  it('is recorded by the logger that it names', () => {
    const { queue } = auditing()
    const other = auditing()
    const bank = new Bank()
    bank.audit = other.audit
    bank.own()
    expect(queue.events).toEqual([])
    expect(other.last()).toMatchObject({ action: 'OWN', instance: { pk: '5' } })
  })

  it('goes its way when the logger is switched off, or the functions of the options throw', () => {
    const { queue } = auditing({ enabled: false })
    expect(Bank.count(1)).toBe(1)
    expect(queue.events).toEqual([])
    openLoggers.clear()
    const { last, codes } = auditing()
    const broken = decorated({
      instance: () => {
        throw FAILURE
      },
    })
    expect(broken.run()).toBe('ran')
    expect(last()).toMatchObject({ action: 'X', outcome: 'success', coverage: 'partial' })
    expect(codes()).toEqual(['AUDIT_CAPTURE_FAILED'])
    expect(decorated({ instance: () => 5 }).run()).toBe('ran')
    expect(last()).toMatchObject({ outcome: 'success', coverage_reason: 'the instance is a number' })
  })

  it('waits for promises only: a query builder is not made to start', () => {
    const { last } = auditing()
    let started = false
    const lazy = {
      // biome-ignore lint/suspicious/noThenProperty: what a lazy query builder is
      then() {
        started = true
      },
    }
    expect(decorated({}, () => lazy as never).run()).toBe(lazy)
    expect(started).toBe(false)
    expect(last()?.outcome).toBe('success')
  })
})

describe('as a standard decorator', () => {
  it('does the same', () => {
    const { last } = auditing()
    const context = { kind: 'method', name: 'pay' } as unknown as ClassMethodDecoratorContext
    class Shop {
      run = Audited('X', { arguments: ['amount'] })(function pay(this: Shop, amount: number) {
        return amount + 1
      }, context)
    }
    expect(new Shop().run(4)).toBe(5)
    expect(last()).toMatchObject({ action: 'X', content: { method: 'Shop.pay', arguments: { amount: 4 } } })
  })
})

describe('what cannot be used is refused where the class is defined', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['an action that is none', () => decorated({}, undefined, ' '), /the action/],
    ['an unknown option', () => decorated({ argument: [0] }), /argument is/],
    ['a parameter that it does not have', () => decorated({ arguments: ['amuont'] }), /"amuont".*amount/],
    ['an index that is none', () => decorated({ arguments: [-1] }), /-1/],
    ['an instance that is no parameter', () => decorated({ instance: 'other' }), /"other"/],
    ['a logger that is none', () => decorated({ audit: 5 }), /audit is 5/],
    ['options that are none', () => decorated(5), /options/],
    [
      'a property',
      () => (Audited('X') as unknown as (...all: unknown[]) => void)(class {}, 'x', undefined),
      /no method/,
    ],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(AuditError)
    expect(make).toThrow(message)
  })
})

describe('the names of parameters', () => {
  it('are read from the source', () => {
    class Sample {
      plain(_a: number, _b: string): void {}
      defaults(_a = [1, 2], _b = ')', _c = (x: number) => x, ..._rest: number[]): void {}
      destructured({ a }: { a: number }, [_b]: number[], _c: string): number {
        return a
      }
      async *none(): AsyncGenerator {}
      commented(/* a, b) */ _a: number /* , */, _b: number): void {}
    }
    const { plain, defaults, destructured, none, commented } = Sample.prototype
    expect(parameterNames(plain)).toEqual(['_a', '_b'])
    expect(parameterNames(defaults)).toEqual(['_a', '_b', '_c', '_rest'])
    expect(parameterNames(destructured)).toEqual([undefined, undefined, '_c'])
    expect(parameterNames(none)).toEqual([])
    expect(parameterNames(commented)).toEqual(['_a', '_b'])
    expect(parameterNames(Math.max)).toEqual([])
  })
})

function decorated(options: unknown, body: () => unknown = () => 'ran', action = 'X') {
  class Made {
    run(amount?: number): unknown {
      return amount ?? body()
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Made.prototype, 'run') as TypedPropertyDescriptor<Made['run']>
  Audited(action, options as never)(Made.prototype, 'run', descriptor)
  Object.defineProperty(Made.prototype, 'run', descriptor)
  return new Made()
}
