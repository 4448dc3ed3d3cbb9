import { AuditError } from '../config/errors'
import type { Logger } from '../config/logger'
import type { WorkerTuning } from '../config/settings'
import type { Lease, PendingList } from '../src/queue/pending-list'

/** The time for which one flush holds the lease: renews it, and knows how much of it is surely left. */
export class Tenure {
  readonly lease: Lease
  readonly #list: PendingList
  readonly #tuning: Pick<WorkerTuning, 'leaseMs' | 'requestTimeoutMs'>
  readonly #logger: Logger
  readonly #lost = new AbortController()
  readonly #heartbeat: NodeJS.Timeout
  /** By `performance.now()`, from before the request that renewed it: Redis counts from a later moment. */
  #heldUntil: number

  /** @param askedAt when the lease was asked for, by `performance.now()` */
  constructor(list: PendingList, lease: Lease, tuning: WorkerTuning, logger: Logger, askedAt: number) {
    this.lease = lease
    this.#list = list
    this.#tuning = tuning
    this.#logger = logger
    this.#heldUntil = askedAt + tuning.leaseMs
    this.#heartbeat = setInterval(() => void this.#beat(), tuning.leaseMs / 3)
  }

  /** Another worker has the lease. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Runs a script that renews the lease. */
  async renewing<T>(script: () => Promise<T>): Promise<T> {
    const askedAt = performance.now()
    const result = await script()
    this.#heldUntil = Math.max(this.#heldUntil, askedAt + this.#tuning.leaseMs)
    return result
  }

  /**
   * A call must not outlive the lease: its events could still be stored while the next worker already looks for them.
   * So it only begins while more of the lease is left than a call may take. A process that was stopped for longer than
   * the lease learns here, before its next call, that another worker has taken over.
   */
  async hold(): Promise<void> {
    while (this.#heldUntil - performance.now() < this.#tuning.requestTimeoutMs) {
      await this.renewing(() => this.#list.renew(this.lease))
    }
  }

  /** Gives the lease back. */
  async end(): Promise<void> {
    clearInterval(this.#heartbeat)
    try {
      await this.#list.release(this.lease)
    } catch (error) {
      this.#logger.warn({ err: error }, 'the lease could not be released and will run out')
    }
  }

  async #beat(): Promise<void> {
    try {
      await this.renewing(() => this.#list.renew(this.lease))
    } catch (error) {
      if (error instanceof AuditError && error.code === 'AUDIT_LEASE_LOST') this.#lost.abort()
      else this.#logger.warn({ err: error }, 'the lease could not be renewed')
    }
  }
}
