import type { Logger } from '../config/logger'
import type { Move } from '../src/queue/pending-list'
import type { Breaker } from './breaker'
import type { Destination } from './destination'
import type { WorkerMetrics } from './metrics'
import type { Reconciler } from './reconcile'
import type { OnStep } from './step'

/** Every entry of a batch has a known outcome: those in `moves` go elsewhere, all others are stored. */
export interface Delivery {
  readonly moves: readonly Move[]
  /** How many events are stored with the current time, because CloudWatch does not take their own any more. */
  readonly late: number
}

/** A delivery under way. */
export interface Delivering {
  /** Rejects with an AuditError when the outcome cannot be had now; the events are still pending then. */
  readonly delivery: Promise<Delivery>
  /** Surely nothing of the batch is stored (yet). */
  readonly isUnsent: boolean
}

/** What a delivery needs of the flush that it belongs to. */
export interface FlushSide {
  /** The worker shall end: no new attempt, no wait; a call under way may finish. */
  readonly stop: AbortSignal
  /** The lease is gone: end the call under way too. */
  readonly lost: AbortSignal
  readonly breaker: Breaker
  /** From this time on a predecessor may have stored events of the batch late. */
  readonly lateSince: number | undefined
  /** Before a call: makes sure that the lease outlives it. */
  hold(): Promise<void>
  /** Before a send with the current time. */
  stamp(sinceMs: number): Promise<void>
}

/** What every course needs. */
export interface Means {
  readonly destination: Destination
  readonly reconciler: Reconciler
  readonly patienceMs: number
  readonly logger: Logger
  readonly metrics: WorkerMetrics
  readonly onStep: OnStep
  /** How many events were refused alone since CloudWatch last took one, over all batches. */
  readonly refusals: { inARow: number }
}
