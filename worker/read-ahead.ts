import type { Lease, Peeked, PendingList } from '../src/queue/pending-list'
import { type Batch, cutBatch } from './batch'
import { PUT_LIMITS } from './limits'
import type { Tenure } from './tenure'

/** A batch as it was read, before anything says so in Redis. */
export interface ReadBatch {
  readonly batch: Batch
  readonly start: number
  readonly end: number
  /** A predecessor had marked it. */
  readonly suspect: boolean
  /** It ends where the list does, which may still grow: it could be larger soon. */
  readonly isTail: boolean
  /** Where the list ended. */
  readonly listEnd: number
}

/** Reads the next batch of a pending list while the one before it is being sent. */
export class ReadAhead {
  readonly #list: PendingList
  readonly #tenure: Tenure
  readonly #lease: Lease
  #ahead: { readonly position: number; readonly peeked: Promise<Peeked> } | undefined

  constructor(list: PendingList, tenure: Tenure) {
    this.#list = list
    this.#tenure = tenure
    this.#lease = tenure.lease
  }

  /** Undefined when the list ends there. */
  async read(position: number): Promise<ReadBatch | undefined> {
    const ahead = this.#ahead?.position === position ? this.#ahead.peeked : undefined
    this.#ahead = undefined
    if (ahead !== undefined) {
      const read = this.#cut(position, await ahead)
      // What ended with the list some time ago may be a full batch by now.
      if (read !== undefined && (!read.isTail || read.batch.large)) return read
    }
    return this.#cut(position, await this.#peek(position))
  }

  /**
   * Begins to read what follows the batch. Nothing follows a large event: there is never more than one of them in
   * memory.
   */
  prepare({ batch, end, isTail }: ReadBatch): void {
    if (batch.large || isTail) return
    const peeked = this.#peek(end)
    peeked.catch(() => undefined) // Whoever reads hears of it; a flush that ends before does not need it.
    this.#ahead = { position: end, peeked }
  }

  #peek(position: number): Promise<Peeked> {
    const { events, bytes, perEvent } = PUT_LIMITS
    const count = this.#isSuspect(position) ? Math.min(events, this.#lease.sent - position) : events
    return this.#tenure.renewing(() => this.#list.peek(this.#lease, { position, count, bytes, perEvent }))
  }

  #cut(position: number, { base, length, elements }: Peeked): ReadBatch | undefined {
    if (elements.count === 0) return undefined
    const batch = cutBatch(elements)
    const end = position + batch.n
    const listEnd = base + length
    const isTail = end === listEnd && batch.n < PUT_LIMITS.events
    return { batch, start: position, end, suspect: this.#isSuspect(position), isTail, listEnd }
  }

  #isSuspect(position: number): boolean {
    return position < this.#lease.sent
  }
}
