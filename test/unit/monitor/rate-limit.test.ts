import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RateLimit, type Suppressed } from '../../../src/monitor/rate-limit'

const START = Date.UTC(2026, 0, 1)
let told: Suppressed[]

beforeEach(() => {
  vi.useFakeTimers({ now: START })
  told = []
})
afterEach(() => void vi.useRealTimers())

function limit(perWindow: number): RateLimit {
  return new RateLimit(perWindow, (suppressed) => told.push(suppressed))
}

function admitted(rate: RateLimit, kind: string, times: number): number {
  let count = 0
  for (let i = 0; i < times; i += 1) if (rate.admits(kind)) count += 1
  return count
}

describe('a rate limit', () => {
  it('lets so many of a kind through in a minute, each kind for itself', () => {
    const rate = limit(3)
    expect(admitted(rate, 'A', 5)).toBe(3)
    expect(admitted(rate, 'B', 2)).toBe(2)
    vi.advanceTimersByTime(60_000)
    expect(admitted(rate, 'A', 5)).toBe(3)
  })

  it('tells what it counted when the minute ends, though nothing comes any more', () => {
    const rate = limit(1)
    admitted(rate, 'A', 4)
    vi.advanceTimersByTime(1_000)
    admitted(rate, 'A', 2)
    expect(told).toEqual([])
    vi.advanceTimersByTime(60_000)
    expect(told).toEqual([{ kind: 'A', count: 5, from: START, to: START + 1_000 }])
    vi.advanceTimersByTime(600_000)
    expect(told).toHaveLength(1)
  })

  it('loses no count over a long attack, and tells each once', () => {
    const rate = limit(10)
    let recorded = 0
    for (let second = 0; second < 300; second += 1) {
      recorded += admitted(rate, 'A', 20)
      vi.advanceTimersByTime(1_000)
    }
    rate.tell()
    rate.tell()
    vi.advanceTimersByTime(600_000)
    const suppressed = told.reduce((sum, { count }) => sum + count, 0)
    expect(recorded + suppressed).toBe(300 * 20)
    expect(recorded).toBe(5 * 10)
    expect(told.length).toBeLessThanOrEqual(11)
  })

  it('keeps no process alive', () => {
    vi.useRealTimers()
    const unref = vi.spyOn(globalThis, 'setTimeout')
    admitted(limit(1), 'A', 2)
    const timer = unref.mock.results.at(-1)?.value as NodeJS.Timeout
    expect(timer.hasRef()).toBe(false)
    clearTimeout(timer)
    unref.mockRestore()
  })
})
