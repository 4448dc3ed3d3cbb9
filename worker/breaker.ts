import type { BreakerState, Lease, PendingList } from '../src/queue/pending-list'
import { backoffMs, pause } from './pause'
import type { PutOutcome } from './put-outcome'

/** So many calls in a row that CloudWatch does not take open the breaker. */
export const BREAKER_FAILURES = 5
const LONGEST_PAUSE_MS = 60_000

/** A call was made; `waitMs`: how long to wait before the next attempt with the same entries. */
export interface Attempt {
  readonly outcome: PutOutcome
  readonly waitMs: number
}

/** How calls to one log stream go, for all lists of this process that are shipped to it. */
export class StreamHealth {
  /** Tells the stream apart from others. */
  readonly id: string
  /** Calls in a row that CloudWatch did not take. */
  failures = 0
  /** By `performance.now()`. */
  openUntil = Number.NEGATIVE_INFINITY
  /** The one call that is made while the breaker is half-open. */
  trial: Promise<void> | undefined

  constructor(id: string) {
    this.id = id
  }
}

/**
 * The circuit breaker of the log stream, for one flush. Closed, every batch may make calls, and each waits for itself
 * after a failure. After `BREAKER_FAILURES` failures in a row it opens: no batch makes a call until its time (full
 * jitter, twice as long each time, a minute at most; or what Retry-After says). Then it is half-open: one call at a
 * time, until one is answered. All lists of a process share it; what each of them has seen is in Redis, so a worker that
 * is restarted goes on there.
 */
export class Breaker {
  readonly #list: PendingList
  readonly #lease: Lease
  readonly #stream: StreamHealth
  /** Whether Redis holds failures of this list. */
  #isOnRecord: boolean

  constructor(list: PendingList, lease: Lease, stream: StreamHealth, { failures, openForMs }: BreakerState) {
    this.#list = list
    this.#lease = lease
    this.#stream = stream
    this.#isOnRecord = failures > 0
    stream.failures = Math.max(stream.failures, failures)
    if (openForMs > 0) stream.openUntil = Math.max(stream.openUntil, performance.now() + openForMs)
  }

  get openForMs(): number {
    return Math.max(0, Math.ceil(this.#stream.openUntil - performance.now()))
  }

  /** Open, or waiting for the outcome of its one call. */
  get isTripped(): boolean {
    return this.#stream.failures >= BREAKER_FAILURES || this.openForMs > 0
  }

  /**
   * Makes the call when the breaker lets it pass. Undefined when that would be later than `until` (by
   * `performance.now()`), or the signal ended the wait: no call was made then.
   */
  async attempt(call: () => Promise<PutOutcome>, until: number, signal: AbortSignal): Promise<Attempt | undefined> {
    for (;;) {
      const openForMs = this.openForMs
      if (openForMs > 0) {
        if (performance.now() + openForMs > until || !(await pause(openForMs, signal))) return undefined
      } else if (this.#stream.failures >= BREAKER_FAILURES && this.#stream.trial !== undefined) {
        await this.#stream.trial
        if (signal.aborted || performance.now() > until) return undefined
      } else {
        return this.#make(call)
      }
    }
  }

  async #make(call: () => Promise<PutOutcome>): Promise<Attempt> {
    if (this.#stream.failures < BREAKER_FAILURES) return this.#call(call)
    const attempt = this.#call(call)
    const trial = attempt.then(
      () => undefined,
      () => undefined, // Whoever made the call hears of it; those that wait only need to know that it is over.
    )
    this.#stream.trial = trial
    try {
      return await attempt
    } finally {
      this.#stream.trial = undefined
    }
  }

  async #call(call: () => Promise<PutOutcome>): Promise<Attempt> {
    const outcome = await call()
    return { outcome, waitMs: await this.#record(outcome) }
  }

  /** Only what CloudWatch would not even look at is a failure: an answer about the events themselves is an answer. */
  async #record(outcome: PutOutcome): Promise<number> {
    if (outcome.kind !== 'later' && outcome.kind !== 'unknown' && outcome.kind !== 'denied') {
      this.#stream.failures = 0
      this.#stream.openUntil = Number.NEGATIVE_INFINITY
      if (!this.#isOnRecord) return 0
      this.#isOnRecord = false
      await this.#list.heal(this.#lease)
      return 0
    }
    const afterMs = outcome.kind === 'denied' ? 0 : outcome.afterMs
    const stream = this.#stream
    const pauseMs = backoffMs(stream.failures, LONGEST_PAUSE_MS)
    stream.failures += 1
    this.#isOnRecord = true
    const state = await this.#list.trip(this.#lease, stream.id, { failures: BREAKER_FAILURES, pauseMs, afterMs })
    stream.failures = Math.max(stream.failures, state.failures)
    // The lists together may have seen enough where each of them has not.
    const openForMs = Math.max(state.openForMs, stream.failures >= BREAKER_FAILURES ? pauseMs : 0)
    stream.openUntil = Math.max(stream.openUntil, performance.now() + openForMs)
    return Math.max(afterMs, pauseMs, this.openForMs)
  }
}
