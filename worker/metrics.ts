import type { Move } from '../src/queue/pending-list'
import type { DeadHeader, DeadReason } from './dead-letter'

/** Why a call to CloudWatch is made again: every cause is one of these few words, so that it can be a label. */
export type RetryCause = 'throttled' | 'unreachable' | 'missing' | 'unknown' | 'refused'

/**
 * What a worker counts. Each method is called where the fact became known, once for it, and must not throw: a metric
 * that fails must never cost an event.
 */
export interface WorkerMetrics {
  /** Events left the pending list because CloudWatch has them (settled as stored). */
  stored(events: number): void
  /** Events of unknown outcome that the stream already held: a blind retry would have doubled them. */
  duplicatesAvoided(events: number): void
  /** Events left the pending list for the dead letters (settled). */
  dead(reason: DeadReason, events: number): void
  /** Events left the pending list until CloudWatch takes them (settled). */
  deferred(events: number): void
  /** A batch, or a part of it, has to be sent again. */
  retried(cause: RetryCause): void
  /** One PutLogEvents call was answered, or failed; `bytes` is what CloudWatch counts (26 more for each event). */
  batch(call: { readonly events: number; readonly bytes: number; readonly ms: number }): void
  /** A flush ended. */
  flushed(outcome: 'ok' | 'busy' | 'waiting' | 'stopped' | 'failed', ms: number): void
}

const nothing = () => undefined

/** Counts nothing: for tests, and for whoever builds a part of the worker alone. */
export const NO_METRICS: WorkerMetrics = {
  stored: nothing,
  duplicatesAvoided: nothing,
  dead: nothing,
  deferred: nothing,
  retried: nothing,
  batch: nothing,
  flushed: nothing,
}

/** Counts a settled batch of `n` events, of which those in `moves` went elsewhere than to the stream. */
export function countMoves(metrics: WorkerMetrics, n: number, moves: readonly Move[]): void {
  let deferred = 0
  const dead = new Map<DeadReason, number>()
  for (const move of moves) {
    if (move.to === 'deferred') deferred += 1
    else {
      const { reason } = JSON.parse(move.header) as DeadHeader
      dead.set(reason, (dead.get(reason) ?? 0) + 1)
    }
  }
  metrics.stored(n - moves.length)
  metrics.deferred(deferred)
  for (const [reason, events] of dead) metrics.dead(reason, events)
}
