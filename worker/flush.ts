import { AuditError } from '../config/errors'
import type { Logger } from '../config/logger'
import type { WorkerTuning } from '../config/settings'
import type { Inheritance, Move, PendingList } from '../src/queue/pending-list'
import type { Batch } from './batch'
import { Breaker, type StreamHealth } from './breaker'
import { deadHeader } from './dead-letter'
import type { Deliverer } from './deliver'
import type { Delivering, FlushSide } from './delivery'
import { countMoves, NO_METRICS, type WorkerMetrics } from './metrics'
import { ReadAhead } from './read-ahead'
import { noStep, type OnStep } from './step'
import { Tenure } from './tenure'

/**
 * What one flush did. `busy`: another worker holds the lease. `waiting`: the circuit breaker is open, nothing was tried.
 * `stopped`: asked to end, the rest is still pending.
 */
export interface FlushSummary {
  readonly outcome: 'ok' | 'busy' | 'waiting' | 'stopped' | 'failed'
  readonly stored: number
  readonly batches: number
  readonly dead: number
  readonly deferred: number
  /** Of the stored ones, those that have the current time as timestamp, because they are too old for their own. */
  readonly late: number
  readonly ms: number
  readonly error?: AuditError
  /** With `busy`: when the lease ends unless it is renewed. With `waiting`: when the breaker lets a call pass. */
  readonly retryInMs?: number
}

/** A batch whose send has begun. */
interface InFlight {
  readonly batch: Batch
  /** Of its first and behind its last event. */
  readonly start: number
  readonly end: number
  readonly delivering: Delivering
}

/** What the flush works with once it holds the lease. */
interface Held {
  readonly tenure: Tenure
  readonly breaker: Breaker
  readonly inheritance: Inheritance
}

const MOST_READMITTED = 10_000

/**
 * One run of the scheduled job: peek, mark, send, settle, until nothing is pending. Up to `inFlight` batches at rising
 * offsets are under way at once; they are settled in order, so that settling is always trimming the head. Nothing else
 * begins while a large event is under way, so that there is never more than one of them in memory.
 */
export class Flush {
  readonly #list: PendingList
  readonly #deliverer: Deliverer
  readonly #tuning: WorkerTuning
  readonly #logger: Logger
  readonly #stop: AbortSignal
  readonly #onStep: OnStep
  readonly #metrics: WorkerMetrics
  readonly #stream: StreamHealth
  readonly #done = { stored: 0, batches: 0, dead: 0, deferred: 0, late: 0 }
  /** Behind the last event that was pending when the flush began. */
  #enough: number | undefined

  /** @param stream the breaker's, see `Destination.health` */
  constructor(
    list: PendingList,
    deliverer: Deliverer,
    stream: StreamHealth,
    tuning: WorkerTuning,
    logger: Logger,
    stop: AbortSignal,
    metrics: WorkerMetrics = NO_METRICS,
    onStep: OnStep = noStep,
  ) {
    this.#list = list
    this.#deliverer = deliverer
    this.#stream = stream
    this.#tuning = tuning
    this.#logger = logger
    this.#stop = stop
    this.#metrics = metrics
    this.#onStep = onStep
  }

  async run(owner: string): Promise<FlushSummary> {
    const started = performance.now()
    const summary = (rest: Pick<FlushSummary, 'outcome' | 'error' | 'retryInMs'>): FlushSummary => ({
      ...this.#done,
      ...rest,
      ms: Math.round(performance.now() - started),
    })
    let tenure: Tenure | undefined
    try {
      const lease = await this.#list.acquire(owner)
      if ('heldBy' in lease) return summary({ outcome: 'busy', retryInMs: lease.remainingMs })
      tenure = new Tenure(this.#list, lease, this.#tuning, this.#logger, started)
      await this.#onStep('acquired')
      const inheritance = await this.#list.resume(lease, this.#stream.id)
      if (inheritance.openForMs > 0) return summary({ outcome: 'waiting', retryInMs: inheritance.openForMs })
      await this.#list.readmit(lease, MOST_READMITTED)
      await this.#onStep('readmitted')
      const breaker = new Breaker(this.#list, lease, this.#stream, inheritance)
      await this.#drain({ tenure, breaker, inheritance })
      await this.#onStep('draining')
      return summary({ outcome: this.#stop.aborted ? 'stopped' : 'ok' })
    } catch (cause) {
      const error =
        cause instanceof AuditError ? cause : new AuditError('AUDIT_FLUSH_FAILED', { cause: String(cause) }, { cause })
      return summary(error.code === 'AUDIT_FLUSH_STOPPED' ? { outcome: 'stopped' } : { outcome: 'failed', error })
    } finally {
      await tenure?.end()
    }
  }

  async #drain(held: Held): Promise<void> {
    const inFlight: InFlight[] = []
    const reader = new ReadAhead(this.#list, held.tenure)
    let position = held.tenure.lease.base
    let settling = Promise.resolve()
    try {
      for (;;) {
        while (this.#mayBegin(inFlight, held.breaker)) {
          const next = await this.#begin(held, reader, position, inFlight.length === 0)
          if (next === undefined) break
          inFlight.push(next)
          position = next.end
        }
        const first = inFlight[0]
        if (first !== undefined) await first.delivering.delivery
        await settling
        if (first === undefined) return
        // In order, and while the next ones are begun: nothing of them depends on it.
        settling = this.#settle(held.tenure, first)
        settling.catch(() => undefined) // Awaited before the next one is settled; until then a failure is not unhandled.
        if (first.batch.large) await settling
        inFlight.shift()
      }
    } catch (error) {
      await Promise.allSettled([settling, ...inFlight.map(({ delivering }) => delivering.delivery)])
      await this.#unmark(held.tenure, inFlight)
      throw error
    }
  }

  /**
   * Batches that were not settled stay marked: whoever flushes next finds out which of their events are stored. Those at
   * the end of which surely nothing is stored are not worth that, and the next flush need not wait for the stream.
   */
  async #unmark({ lease }: Tenure, inFlight: readonly InFlight[]): Promise<void> {
    const stored = inFlight.findLastIndex(({ delivering }) => !delivering.isUnsent)
    const [first, last] = [inFlight[stored + 1], inFlight.at(-1)]
    if (first === undefined || last === undefined) return
    try {
      await this.#list.unmark(lease, last.end, first.start)
    } catch (error) {
      // Marked is the safe side: it costs the next flush a look into the stream.
      this.#logger.debug({ err: error }, 'what was not sent is still marked as sent')
    }
  }

  #mayBegin(inFlight: readonly InFlight[], breaker: Breaker): boolean {
    if (this.#stop.aborted || inFlight.some(({ batch }) => batch.large)) return false
    return inFlight.length < (breaker.isTripped ? 1 : this.#tuning.inFlight)
  }

  /** Reads and marks the batch at the position, and begins to send it. Undefined when there is none worth a call yet. */
  async #begin(held: Held, reader: ReadAhead, position: number, isAlone: boolean): Promise<InFlight | undefined> {
    const { tenure, breaker, inheritance } = held
    const { lease } = tenure
    const read = await reader.read(position)
    if (read === undefined) return undefined
    await this.#onStep('peeked')
    const { batch, start, end, suspect, isTail, listEnd } = read
    // Nor does a flush follow a trickle for ever, a call for each few events: what came after it began is the next one's.
    this.#enough ??= listEnd
    // While calls are under way the tail of the list is still growing: better one full call later than ten small ones.
    if (isTail && !suspect && (!isAlone || position >= this.#enough)) return undefined
    if (this.#stop.aborted) return undefined

    const marked = tenure.renewing(() => this.#list.mark(lease, end))
    // Right behind it, so that Redis reads while this process writes the call.
    reader.prepare(read)
    await marked
    await this.#onStep('marked')
    const side: FlushSide = {
      stop: this.#stop,
      lost: tenure.lost,
      breaker,
      lateSince: suspect ? inheritance.lateSince : undefined,
      hold: () => tenure.hold(),
      stamp: (sinceMs) => this.#list.stamp(lease, end, sinceMs),
    }
    const state = suspect && batch.entries.length > 0 ? 'unknown' : 'unsent'
    const delivering = this.#deliverer.deliver(batch.entries, state, side)
    delivering.delivery.catch(() => undefined) // Awaited when its turn comes; until then a failure is not unhandled.
    return { batch, start, end, delivering }
  }

  async #settle({ lease }: Tenure, { batch, start, delivering }: InFlight): Promise<void> {
    const delivery = await delivering.delivery
    const poisoned = batch.poison.map(
      ({ index, reason }): Move => ({ index, to: 'dead', header: deadHeader('not_an_event', reason) }),
    )
    const moves = [...poisoned, ...delivery.moves].sort((a, b) => a.index - b.index)
    await this.#onStep('settling')
    await this.#list.settle(lease, start, batch.n, moves)
    await this.#onStep('settled')
    const dead = moves.filter(({ to }) => to === 'dead').length
    this.#done.stored += batch.n - moves.length
    this.#done.dead += dead
    this.#done.deferred += moves.length - dead
    this.#done.late += delivery.late
    this.#done.batches += 1
    countMoves(this.#metrics, batch.n, moves)
  }
}
