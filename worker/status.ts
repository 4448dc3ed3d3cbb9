import type { RedisClient } from '../src/queue/connection'
import type { QueueKeys } from '../src/queue/keys'
import type { LastFlush } from './summary'

/** The books of one pending list. Events in flight are still pending. */
export interface QueueStatus {
  readonly pending: number
  /** Marked as sent, outcome not yet known. */
  readonly inFlight: number
  readonly deferred: number
  readonly dead: number
  /** Null when nothing is pending, or when the oldest element has no readable date. */
  readonly oldestAgeMs: number | null
  readonly lastFlush: LastFlush | null
}

export async function readStatus(redis: RedisClient, keys: QueueKeys): Promise<QueueStatus> {
  // One transaction, so that an event on its way is counted in exactly one place.
  const replies = await redis
    .multi()
    .llen(keys.pending)
    .hmget(keys.lease, 'base', 'sent')
    .zcard(keys.deferred)
    .llen(keys.dead)
    .lindex(keys.pending, 0)
    .hget(keys.stats, 'lastFlush')
    .exec()
  const [pending, marks, deferred, dead, oldest, lastFlush] = (replies ?? []).map(([error, reply]) => {
    if (error) throw error
    return reply
  })
  const [base, sent] = marks as (string | null)[]
  return {
    pending: Number(pending),
    inFlight: Math.min(Number(pending), Math.max(0, Number(sent ?? 0) - Number(base ?? 0))),
    deferred: Number(deferred),
    dead: Number(dead),
    oldestAgeMs: ageOf(oldest as string | null),
    lastFlush: typeof lastFlush === 'string' ? (JSON.parse(lastFlush) as LastFlush) : null,
  }
}

function ageOf(line: string | null): number | null {
  const date = line === null ? undefined : /"date":"([^"]+)"/.exec(line)?.[1]
  const time = date === undefined ? Number.NaN : Date.parse(date)
  return Number.isNaN(time) ? null : Math.max(0, Date.now() - time)
}
