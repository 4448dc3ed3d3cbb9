import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import type * as ContextModule from '../../../src/context/context'
import { currentContext, runWithContext, setContextUser, updateContext } from '../../../src/context/context'

describe('runWithContext', () => {
  it('returns what the function returns, and lets its errors through', async () => {
    expect(runWithContext({}, () => 5)).toBe(5)
    await expect(runWithContext({}, async () => 6)).resolves.toBe(6)
    expect(() =>
      runWithContext({}, () => {
        throw new Error('theirs')
      }),
    ).toThrow('theirs')
  })

  it('has no context outside', () => {
    expect(currentContext()).toBeUndefined()
    runWithContext({ user: 1 }, () => undefined)
    expect(currentContext()).toBeUndefined()
    expect(setContextUser(1)).toBe(false)
  })

  it('inherits from the outer context and overrides it', () => {
    const outer = { user: { id: 1 }, organisation: 'ACME', entryPoint: 'http' as const, extra: { a: 1, b: 1 } }
    runWithContext(outer, () => {
      runWithContext({ user: { id: 2 }, extra: { b: 2 } }, () => {
        expect(currentContext()).toEqual({
          user: { id: 2 },
          organisation: 'ACME',
          entryPoint: 'http',
          extra: { a: 1, b: 2 },
        })
      })
      runWithContext({ user: null }, () => expect(currentContext()?.user).toBeNull())
      expect(currentContext()).toEqual(outer)
    })
  })

  it('takes a user that is set later, also from inside a callback that began before', async () => {
    await runWithContext({ entryPoint: 'http' }, async () => {
      const later = delay(1).then(() => currentContext()?.user)
      setContextUser({ id: 7 })
      expect(await later).toEqual({ id: 7 })
      setContextUser(undefined)
      expect(currentContext()?.user).toBeNull()
    })
  })

  it('reads a getter each time, so that the request object itself may tell the user', () => {
    const request: { user?: unknown } = {}
    runWithContext(
      {
        get user() {
          return request.user
        },
      },
      () => {
        expect(currentContext()).toEqual({})
        request.user = { id: 3 }
        expect(currentContext()?.user).toEqual({ id: 3 })
      },
    )
  })

  it('never shares extra content between contexts', () => {
    const extra = { a: 1 }
    runWithContext({ extra }, () => {
      updateContext({ extra: { b: 2 } })
      runWithContext({}, () => updateContext({ extra: { c: 3 } }))
      expect(currentContext()?.extra).toEqual({ a: 1, b: 2 })
    })
    runWithContext({ extra }, () => expect(currentContext()?.extra).toEqual({ a: 1 }))
    expect(extra).toEqual({ a: 1 })
  })

  it('runs the function although the extra content cannot be read', () => {
    const extra = {
      get broken(): unknown {
        throw new Error('no')
      },
      fine: 1,
    }
    expect(runWithContext({ extra }, () => currentContext()?.extra?.fine)).toBe(1)
  })

  it('leaks nothing between 1,000 interleaved tasks', async () => {
    const task = (id: number) =>
      runWithContext({ user: { id }, extra: { id } }, async () => {
        for (let turn = 0; turn < 5; turn += 1) {
          await (turn % 2 === 0 ? delay((id * 7 + turn) % 4) : new Promise(setImmediate))
          if (turn === 2) setContextUser({ id, late: true })
          if (turn === 3) updateContext({ extra: { turn: id + turn } })
        }
        return currentContext()
      })
    const contexts = await Promise.all(Array.from({ length: 1_000 }, (_, id) => task(id)))
    contexts.forEach((context, id) => {
      expect(context).toEqual({ user: { id, late: true }, extra: { id, turn: id + 3 } })
    })
  })

  it('is one for the process although the module is loaded twice', async () => {
    vi.resetModules()
    const second = await vi.importActual<typeof ContextModule>('../../../src/context/context')
    expect(second.runWithContext).not.toBe(runWithContext)
    runWithContext({ user: 'first' }, () => {
      expect(second.currentContext()?.user).toBe('first')
      second.setContextUser('second')
      expect(currentContext()?.user).toBe('second')
    })
  })
})
