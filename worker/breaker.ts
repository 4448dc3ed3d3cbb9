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

/**
 * The circuit breaker of the log stream, for one flush. Closed, every batch may make calls, and each waits for itself
 * after a failure. After `BREAKER_FAILURES` failures in a row it opens: no batch makes a call until its time (full
 * jitter, twice as long each time, a minute at most; or what Retry-After says). Then it is half-open: one call at a
 * time, until one is answered. Its state is in Redis, so a worker that is restarted goes on there.
 */
export class Breaker {
  readonly #list: PendingList
  readonly #lease: Lease
  readonly #stream: string
  #failures: number
  /** By `performance.now()`. */
  #openUntil: number
  /** The one call that is made while the breaker is half-open. */
  #trial: Promise<void> | undefined

  constructor(list: PendingList, lease: Lease, stream: string, { failures, openForMs }: BreakerState) {
    this.#list = list
    this.#lease = lease
    this.#stream = stream
    this.#failures = failures
    this.#openUntil = performance.now() + openForMs
  }

  get openForMs(): number {
    return Math.max(0, Math.ceil(this.#openUntil - performance.now()))
  }

  /** Open, or waiting for the outcome of its one call. */
  get isTripped(): boolean {
    return this.#failures >= BREAKER_FAILURES || this.openForMs > 0
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
      } else if (this.#failures >= BREAKER_FAILURES && this.#trial !== undefined) {
        await this.#trial
        if (signal.aborted || performance.now() > until) return undefined
      } else {
        return this.#make(call)
      }
    }
  }

  async #make(call: () => Promise<PutOutcome>): Promise<Attempt> {
    if (this.#failures < BREAKER_FAILURES) return this.#call(call)
    const attempt = this.#call(call)
    const trial = attempt.then(
      () => undefined,
      () => undefined, // Whoever made the call hears of it; those that wait only need to know that it is over.
    )
    this.#trial = trial
    try {
      return await attempt
    } finally {
      this.#trial = undefined
    }
  }

  async #call(call: () => Promise<PutOutcome>): Promise<Attempt> {
    const outcome = await call()
    return { outcome, waitMs: await this.#record(outcome) }
  }

  /** Only what CloudWatch would not even look at is a failure: an answer about the events themselves is an answer. */
  async #record(outcome: PutOutcome): Promise<number> {
    if (outcome.kind !== 'later' && outcome.kind !== 'unknown' && outcome.kind !== 'denied') {
      if (this.#failures === 0) return 0
      this.#failures = 0
      this.#openUntil = 0
      await this.#list.heal(this.#lease)
      return 0
    }
    const afterMs = outcome.kind === 'denied' ? 0 : outcome.afterMs
    const pauseMs = backoffMs(this.#failures, LONGEST_PAUSE_MS)
    const state = await this.#list.trip(this.#lease, this.#stream, { failures: BREAKER_FAILURES, pauseMs, afterMs })
    this.#failures = state.failures
    this.#openUntil = Math.max(this.#openUntil, performance.now() + state.openForMs)
    return Math.max(afterMs, pauseMs, this.openForMs)
  }
}
