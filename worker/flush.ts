import { AuditError } from '../config/errors'
import type { Logger } from '../config/logger'
import type { WorkerTuning } from '../config/settings'
import type { Lease, LeaseHeld, Move, PendingList } from '../src/queue/pending-list'
import { type Batch, cutBatch } from './batch'
import { deadHeader } from './dead-letter'
import type { Deliverer, Delivery, Signals } from './deliver'
import { PUT_LIMITS } from './limits'

/** What one flush did. `busy`: another worker holds the lease. `stopped`: asked to end, the rest is still pending. */
export interface FlushSummary {
  readonly outcome: 'ok' | 'busy' | 'stopped' | 'failed'
  readonly stored: number
  readonly batches: number
  readonly dead: number
  readonly deferred: number
  readonly ms: number
  readonly error?: AuditError
  /** With `busy`: when the lease ends unless it is renewed. */
  readonly retryInMs?: number
}

/** A batch whose send has begun. */
interface InFlight {
  readonly batch: Batch
  readonly delivery: Promise<Delivery>
}

const MOST_READMITTED = 10_000

/**
 * One run of the scheduled job: peek, mark, send, settle, until nothing is pending. Up to `inFlight` batches at rising
 * offsets are under way at once; they are settled in order, so that settling is always trimming the head.
 */
export class Flush {
  readonly #list: PendingList
  readonly #deliverer: Deliverer
  readonly #tuning: WorkerTuning
  readonly #logger: Logger
  readonly #stop: AbortSignal
  readonly #lost = new AbortController()
  readonly #done = { stored: 0, batches: 0, dead: 0, deferred: 0 }
  /** Position of the head of the list. */
  #base = 0

  constructor(list: PendingList, deliverer: Deliverer, tuning: WorkerTuning, logger: Logger, stop: AbortSignal) {
    this.#list = list
    this.#deliverer = deliverer
    this.#tuning = tuning
    this.#logger = logger
    this.#stop = stop
  }

  async run(owner: string): Promise<FlushSummary> {
    const started = performance.now()
    const summary = (rest: Pick<FlushSummary, 'outcome' | 'error' | 'retryInMs'>): FlushSummary => ({
      ...this.#done,
      ...rest,
      ms: Math.round(performance.now() - started),
    })
    let lease: Lease | LeaseHeld | undefined
    let heartbeat: NodeJS.Timeout | undefined
    try {
      lease = await this.#list.acquire(owner)
      if ('heldBy' in lease) return summary({ outcome: 'busy', retryInMs: lease.remainingMs })
      const held = lease
      this.#base = held.base
      heartbeat = setInterval(() => void this.#renew(held), this.#tuning.leaseMs / 3)
      await this.#list.readmit(held, MOST_READMITTED)
      await this.#drain(held)
      return summary({ outcome: this.#stop.aborted ? 'stopped' : 'ok' })
    } catch (cause) {
      const error =
        cause instanceof AuditError ? cause : new AuditError('AUDIT_FLUSH_FAILED', { cause: String(cause) }, { cause })
      return summary(error.code === 'AUDIT_FLUSH_STOPPED' ? { outcome: 'stopped' } : { outcome: 'failed', error })
    } finally {
      clearInterval(heartbeat)
      if (lease !== undefined && 'token' in lease) await this.#release(lease)
    }
  }

  async #drain(lease: Lease): Promise<void> {
    const inFlight: InFlight[] = []
    let offset = 0
    try {
      for (;;) {
        while (inFlight.length < this.#tuning.inFlight && !this.#stop.aborted) {
          const next = await this.#begin(lease, offset)
          if (next === undefined) break
          inFlight.push(next)
          offset += next.batch.n
        }
        const first = inFlight.shift()
        if (first === undefined) return
        await this.#settle(lease, first.batch, await first.delivery)
        offset -= first.batch.n
      }
    } catch (error) {
      // The others stay marked: whoever flushes next finds out which of them are stored.
      await Promise.allSettled(inFlight.map(({ delivery }) => delivery))
      throw error
    }
  }

  /** Peeks and marks the batch at the offset, and begins to send it. Undefined when there is none worth a call yet. */
  async #begin(lease: Lease, offset: number): Promise<InFlight | undefined> {
    const position = this.#base + offset
    const suspect = position < lease.sent
    const count = suspect ? Math.min(PUT_LIMITS.events, lease.sent - position) : PUT_LIMITS.events
    const { bytes, perEvent } = PUT_LIMITS
    const { lines, length } = await this.#list.peek(lease, { offset, count, bytes, perEvent })
    if (lines.length === 0) return undefined
    const batch = cutBatch(lines)
    // While calls are under way the tail of the list is still growing: better one full call later than ten small ones.
    const isTail = offset + batch.n === length && batch.n < PUT_LIMITS.events
    if (offset > 0 && isTail && !suspect) return undefined
    if (this.#stop.aborted) return undefined

    await this.#mark(lease, position + batch.n)
    const signals: Signals = { stop: this.#stop, lost: this.#lost.signal }
    const state = suspect ? 'unknown' : 'unsent'
    const delivery =
      batch.entries.length === 0
        ? Promise.resolve<Delivery>({ moves: [] })
        : this.#deliverer.deliver(batch.entries, state, signals)
    delivery.catch(() => undefined) // It is awaited when its turn comes; until then a failure is not unhandled.
    return { batch, delivery }
  }

  /** A send must not outlive the lease, so it only begins while more of the lease is left than a request may take. */
  async #mark(lease: Lease, position: number): Promise<void> {
    const slackMs = this.#tuning.leaseMs - this.#tuning.requestTimeoutMs
    for (;;) {
      const asked = performance.now()
      await this.#list.mark(lease, position)
      if (performance.now() - asked <= slackMs) return
    }
  }

  async #settle(lease: Lease, batch: Batch, delivery: Delivery): Promise<void> {
    const poisoned = batch.poison.map(
      ({ index, reason }): Move => ({ index, to: 'dead', header: deadHeader('not_an_event', reason) }),
    )
    const moves = [...poisoned, ...delivery.moves].sort((a, b) => a.index - b.index)
    await this.#list.settle(lease, this.#base, batch.n, moves)
    const dead = moves.filter(({ to }) => to === 'dead').length
    this.#base += batch.n
    this.#done.stored += batch.n - moves.length
    this.#done.dead += dead
    this.#done.deferred += moves.length - dead
    this.#done.batches += 1
  }

  async #renew(lease: Lease): Promise<void> {
    try {
      await this.#list.renew(lease)
    } catch (error) {
      if (error instanceof AuditError && error.code === 'AUDIT_LEASE_LOST') this.#lost.abort()
      else this.#logger.warn({ err: error }, 'the lease could not be renewed')
    }
  }

  async #release(lease: Lease): Promise<void> {
    try {
      await this.#list.release(lease)
    } catch (error) {
      this.#logger.warn({ err: error }, 'the lease could not be released and will run out')
    }
  }
}
