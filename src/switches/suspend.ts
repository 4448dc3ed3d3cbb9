import { types } from 'node:util'
import { member } from '../event/copy-own'
import type { Outcome } from '../event/event'
import { bySystem } from '../events/system-event'
import { problemOf } from '../report'
import { type Sender, sendEvent } from '../send-log'
import { runSuspended } from './suspension'

const NO_REASON = 'no reason was given'

/**
 * Runs `fn` without recording its changes, and records that. Its event comes when it has ended, because only then is
 * known how it went and how much was left out. Returns what `fn` returns, and throws what it throws.
 */
export function suspendCapture<T>(sender: Sender, fn: () => T, options: unknown): T {
  const reason = member(options, 'reason')
  const given = typeof reason === 'string' && reason.trim() !== ''
  const began = performance.now()
  return runSuspended(sender.recorder, (suspension) => {
    const ended = (outcome: Outcome, error?: unknown) => {
      suspension.active = false
      // What it did took place, reason or not: the call is not treated as one that failed.
      if (!given) sender.reports.report('AUDIT_INVALID_CALL', { method: 'suspend', problem: NO_REASON })
      sendEvent(sender, {
        method: 'suspend',
        action: 'AUDIT_SUSPENDED',
        fields: {
          ...(given && { reason }),
          outcome,
          suspended: suspension.events,
          duration_ms: durationSince(began),
          ...(outcome === 'failure' && { error: problemOf(error) }),
        },
        known: { ...bySystem(), ...(!given && { coverageReason: NO_REASON }) },
      })
    }
    return settle(fn, ended)
  })
}

/** Milliseconds, with three decimals at most. */
export function durationSince(began: number): number {
  return Math.round((performance.now() - began) * 1_000) / 1_000
}

/**
 * Runs `fn` and tells how it ended, once: of a promise, when that is settled. What it returns or throws is passed on as
 * it is. Only real promises are waited for: asking any other thenable (a query builder) would make it start.
 */
export function settle<T>(fn: () => T, ended: (outcome: Outcome, error?: unknown) => void): T {
  let result: T
  try {
    result = fn()
  } catch (error) {
    ended('failure', error)
    throw error
  }
  if (!types.isPromise(result)) {
    ended('success')
    return result
  }
  return result.then(
    (value: unknown) => {
      ended('success')
      return value
    },
    (error: unknown) => {
      ended('failure', error)
      throw error
    },
  ) as T
}
