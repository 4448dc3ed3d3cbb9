import { AuditError } from '../config/errors'
import type { Logger } from '../config/logger'
import type { Move } from '../src/queue/pending-list'
import type { Entry } from './batch'
import { deadHeader } from './dead-letter'
import type { Destination } from './destination'
import { PUT_LIMITS } from './limits'
import { backoffMs, pause } from './pause'
import { outcomeOfError, type PutOutcome } from './put-outcome'
import type { Reconciler } from './reconcile'

/** Every entry of a batch has a known outcome: those in `moves` go elsewhere, all others are stored. */
export interface Delivery {
  readonly moves: readonly Move[]
}

export interface Signals {
  /** The worker shall end: no new attempt, no wait; a call under way may finish. */
  readonly stop: AbortSignal
  /** The lease is gone: end the call under way too. */
  readonly lost: AbortSignal
}

const NOTHING_MOVES: Delivery = { moves: [] }

/**
 * Brings a batch from marked to a known outcome. It has one of two states, `unsent` (surely not stored) and `unknown`;
 * every answer of CloudWatch leads from one to the other, to a known outcome, or to an error, after which the events
 * are still pending and marked.
 */
export class Deliverer {
  readonly #destination: Destination
  readonly #reconciler: Reconciler
  readonly #patienceMs: number
  readonly #logger: Logger

  constructor(destination: Destination, reconciler: Reconciler, patienceMs: number, logger: Logger) {
    this.#destination = destination
    this.#reconciler = reconciler
    this.#patienceMs = patienceMs
    this.#logger = logger
  }

  async deliver(all: readonly Entry[], state: 'unsent' | 'unknown', signals: Signals): Promise<Delivery> {
    const until = performance.now() + this.#patienceMs
    const ended = AbortSignal.any([signals.stop, signals.lost])
    let unsent: readonly Entry[] | undefined = state === 'unsent' ? all : undefined
    let suspects = all
    let cause = 'the worker that sent it ended before it knew'
    for (let attempt = 0; ; attempt += 1) {
      if (unsent === undefined) {
        unsent = await this.#reconciler.absent(suspects, ended)
        if (unsent !== undefined)
          this.#logger.info({ suspects: suspects.length, absent: unsent.length, cause }, 'reconciled')
      }
      if (unsent?.length === 0) return NOTHING_MOVES
      // A batch that was just marked is sent even so: otherwise the next worker would look for what was never sent.
      const stopped = signals.stop.aborted && attempt > 0
      if (signals.lost.aborted || stopped) throw new AuditError('AUDIT_FLUSH_STOPPED')
      if (attempt > 0 && performance.now() > until) throw new AuditError('AUDIT_CLOUDWATCH_UNAVAILABLE', { cause })
      if (unsent === undefined) continue

      const outcome = await this.#destination.put(unsent, signals.lost)
      switch (outcome.kind) {
        case 'stored':
          return NOTHING_MOVES
        case 'partly':
          return { moves: rejectedMoves(unsent, outcome) }
        case 'refused':
          return this.#bisect(unsent, outcome.cause, signals)
        case 'missing':
          cause = 'log group or stream missing'
          await this.#create()
          break
        case 'denied':
          throw new AuditError('AUDIT_CLOUDWATCH_DENIED', { cause: outcome.cause })
        case 'later':
          cause = outcome.cause
          this.#logger.warn({ attempt, cause }, 'CloudWatch takes nothing now')
          await pause(Math.max(outcome.afterMs, backoffMs(attempt)), ended)
          break
        case 'unknown':
          cause = outcome.cause
          this.#logger.warn({ attempt, cause, events: unsent.length }, 'outcome unknown')
          suspects = unsent
          unsent = undefined
          break
      }
    }
  }

  /** Halves a refused batch until the event that spoils it is alone: log2(n) more calls for each such event. */
  async #bisect(entries: readonly Entry[], cause: string, signals: Signals): Promise<Delivery> {
    const [only] = entries
    if (entries.length === 1 && only !== undefined) {
      return { moves: [{ index: only.index, to: 'dead', header: deadHeader('refused', cause) }] }
    }
    const middle = entries.length >> 1
    const first = await this.deliver(entries.slice(0, middle), 'unsent', signals)
    const second = await this.deliver(entries.slice(middle), 'unsent', signals)
    return { moves: [...first.moves, ...second.moves] }
  }

  async #create(): Promise<void> {
    try {
      await this.#destination.create()
    } catch (error) {
      const outcome = outcomeOfError(error)
      // Whatever else went wrong, the next put says that the stream is still missing, and it is tried again.
      if (outcome.kind === 'denied' || outcome.kind === 'refused') {
        throw new AuditError('AUDIT_CLOUDWATCH_DENIED', { cause: outcome.cause }, { cause: error })
      }
      this.#logger.warn({ err: error }, 'log group or stream could not be created yet')
    }
  }
}

function rejectedMoves(entries: readonly Entry[], rejected: PutOutcome & { kind: 'partly' }): Move[] {
  const moves: Move[] = []
  entries.forEach(({ index, timestamp }, i) => {
    const date = new Date(timestamp).toISOString()
    if (i < rejected.tooOldEnd) {
      const header = deadHeader('too_old', `${date} is more than 14 days ago`)
      moves.push({ index, to: 'dead', header })
    } else if (i < rejected.expiredEnd) {
      moves.push({ index, to: 'dead', header: deadHeader('expired', `${date} is past the retention of the group`) })
    } else if (i >= rejected.tooNewStart) {
      // Not before the next minute: with a clock that is wrong by more, it would come back at once, again and again.
      const dueMs = Math.max(timestamp - PUT_LIMITS.aheadMs + 1_000, Date.now() + 60_000)
      moves.push({ index, to: 'deferred', dueMs })
    }
  })
  return moves
}
