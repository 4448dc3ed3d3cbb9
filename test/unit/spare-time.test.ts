import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { finishSpareTime, SpareTime } from '../../src/spare-time'

/** Notes each unit by the name of its work. */
function noting() {
  const done: string[] = []
  const work = (name: string) => (units: number) => done.push(...Array.from({ length: units }, () => name))
  return { done, work }
}

/** Work of which each step takes so many milliseconds, by a clock of the test's own. */
function taking(ms: number) {
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  const work = {
    done: 0,
    run(units: number) {
      work.done += units
      now += ms
    },
  }
  return work
}

afterEach(() => {
  vi.restoreAllMocks()
})

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
    const work = taking(0.1)
    spare.add(40, work.run)
    const seen: number[] = []
    while (!spare.isIdle) {
      await turn()
      seen.push(work.done)
    }
    // Steps of four; the third of them is where a quarter of a millisecond is over.
    expect(seen.filter((done, index) => done !== seen[index - 1])).toEqual([12, 24, 36, 40])
  })

  it('takes longer slices when more is added than the short ones can do', async () => {
    const spare = new SpareTime()
    const work = taking(1)
    spare.add(5_040, work.run)
    await turn()
    await turn()
    expect(work.done).toBe(44)
    spare.finish()
    expect(work.done).toBe(5_040)
  })

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
