import { describe, expect, it } from 'vitest'
import { queueKeys } from '../../../src/queue/keys'
import { Watchdog } from '../../../worker/watchdog'
import { keptLogger } from '../../support/kept-logger'

const MINUTE = 60_000

function watched(everyMs = 5 * MINUTE) {
  let now = 1_000
  const logger = keptLogger()
  const watchdog = new Watchdog(everyMs, logger, () => now)
  return {
    watchdog,
    warnings: () => logger.entries.filter(({ level }) => level === 'warn').map(({ fields }) => fields),
    see(minutes: number, pending: number, base: number, prefix = 'audit-logger') {
      now += minutes * MINUTE
      const keys = queueKeys(prefix)
      watchdog.see([{ keys, pending, base, due: 0, owner: '', leaseLeftMs: 0, round: 1 }])
    },
    isLate(minutes: number, round: number) {
      now += minutes * MINUTE
      return watchdog.isLate(round)
    },
  }
}

describe('the watchdog', () => {
  it('warns when nothing was flushed for two intervals although events wait, and again after two more', () => {
    const { see, warnings } = watched()
    see(0, 100, 0)
    see(9, 200, 0)
    expect(warnings()).toEqual([])
    see(2, 300, 0)
    expect(warnings()).toEqual([{ code: 'AUDIT_NOTHING_FLUSHED', pending: 300, minutes: 10 }])
    see(9, 300, 0)
    expect(warnings()).toHaveLength(1)
    see(2, 300, 0)
    expect(warnings()).toHaveLength(2)
  })

  it('is content while events leave the list, however many wait', () => {
    const { see, warnings } = watched()
    for (let base = 0; base < 20; base += 1) see(6, 1_000_000, base)
    expect(warnings()).toEqual([])
  })

  it('is content while nothing waits', () => {
    const { see, warnings } = watched()
    for (let look = 0; look < 20; look += 1) see(6, 0, 5)
    expect(warnings()).toEqual([])
    see(1, 5, 5)
    see(9, 5, 5)
    expect(warnings()).toEqual([])
  })

  it('notices that no round has begun for two intervals', () => {
    const { isLate } = watched()
    expect(isLate(0, 1)).toBe(false)
    expect(isLate(9, 1)).toBe(false)
    expect(isLate(2, 1)).toBe(true)
    expect(isLate(1, 1)).toBe(false)
    expect(isLate(9, 2)).toBe(false)
    expect(isLate(9, 2)).toBe(false)
  })
})
