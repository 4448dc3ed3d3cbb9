import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { finishSpareTime, SpareTime } from '../../src/spare-time'

/** Notes each unit by the name of its work. */
function noting() {
  const done: string[] = []
  const work = (name: string) => (units: number) => done.push(...Array.from({ length: units }, () => name))
  return { done, work }
}

/** As long as a slice lasts, so that it has room for one step. */
function busyFor(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

describe('spare time', () => {
  it('does nothing before the turn is over, and then all of it in order', async () => {
    const spare = new SpareTime()
    const { done, work } = noting()
    spare.add(6, work('a'))
    spare.add(1, work('b'))
    expect(done).toEqual([])
    expect(spare.isIdle).toBe(false)
    while (!spare.isIdle) await turn()
    expect(done.join('')).toBe('aaaaaab')
  })

  it('lets the application have its turn between two slices', async () => {
    const spare = new SpareTime()
    let done = 0
    spare.add(40, (units) => {
      done += units
      busyFor(1)
    })
    const seen: number[] = []
    while (!spare.isIdle) {
      await turn()
      seen.push(done)
    }
    expect(seen.length).toBeGreaterThanOrEqual(10)
    expect(done).toBe(40)
  })

  it('takes longer slices when more is added than the short ones can do', async () => {
    const spare = new SpareTime()
    let done = 0
    spare.add(20_000, (units) => {
      done += units
      busyFor(0.3)
    })
    await turn()
    await turn()
    // A short slice has room for one step of four.
    expect(done).toBeGreaterThan(8)
    spare.finish()
    expect(done).toBe(20_000)
  }, 20_000)

  it('can be finished at once, with what that adds', () => {
    const spare = new SpareTime()
    const { done, work } = noting()
    spare.add(2, (units) => {
      work('a')(units)
      spare.add(1, work('c'))
    })
    spare.add(1, work('b'))
    finishSpareTime()
    expect(done.join('')).toBe('aabc')
    expect(spare.isIdle).toBe(true)
  })

  it('goes on with what is added after it was finished', async () => {
    const spare = new SpareTime()
    const { done, work } = noting()
    spare.add(1, work('a'))
    spare.finish()
    spare.add(1, work('b'))
    while (!spare.isIdle) await turn()
    expect(done.join('')).toBe('ab')
  })
})
