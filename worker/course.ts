import { AuditError } from '../config/errors'
import type { Move } from '../src/queue/pending-list'
import { cutCalls } from './cut-calls'
import { type DeadReason, deadHeader } from './dead-letter'
import type { Delivery, FlushSide, Means } from './delivery'
import { deniedError } from './denied'
import type { Entry } from './entry'
import { lateCopies } from './late'
import { PUT_LIMITS } from './limits'
import { makeDestination } from './make-destination'
import { Patience } from './patience'
import type { Portion, Refused, Rejected, Unknown, Unsent } from './portion'
import { pickProbe } from './probe'
import type { PutOutcome } from './put-outcome'
import type { Seen } from './seen'
import { type Claim, sortRejected } from './sort-rejected'

/** So many events refused alone, and none taken, are no accident of these events. */
const MOST_REFUSED_ALONE = 3

const NO_INDICES = { tooOldEnd: 0, expiredEnd: 0 }

/** The way of one batch through the states of portion.ts: one method a transition. */
export class Course {
  readonly #means: Means
  readonly #side: FlushSide
  readonly #patience: Patience
  readonly #moves = new Map<number, Move>()
  readonly #late = new Set<number>()
  readonly #seen: Seen[] = []
  /** In the order of their times. */
  #work: Portion[] = []
  /** CloudWatch took an entry of this batch. */
  #wasTaken = false
  #isUnsent: boolean
  /** Entries of which it is not known yet what becomes. */
  #open: number
  #probes = 0

  readonly #first: Portion

  constructor(means: Means, side: FlushSide, first: Unsent | Unknown) {
    this.#first = first
    this.#isUnsent = first.state === 'unsent'
    this.#open = first.entries.length
    this.#means = means
    this.#side = side
    this.#patience = new Patience(side, means.patienceMs, means.destination.where.region)
  }

  /** Surely nothing of the batch is stored: a course that ends without an outcome then need not be reconciled. */
  get isUnsent(): boolean {
    return this.#isUnsent
  }

  async run(): Promise<Delivery> {
    this.#work = [this.#first]
    for (;;) {
      const portion = this.#work.shift()
      if (portion === undefined) break
      this.#patience.check()
      const next = await this.#next(portion)
      this.#work.unshift(...next)
    }
    // Whatever is mistaken here must not settle an event of which nobody knows what became.
    if (this.#open !== 0) throw new Error(`${this.#open} entries of a batch are not accounted for`)
    const late = [...this.#late].filter((index) => !this.#moves.has(index)).length
    return { moves: [...this.#moves.values()].sort((a, b) => a.index - b.index), late }
  }

  #next(portion: Portion): Promise<readonly Portion[]> {
    switch (portion.state) {
      case 'unsent':
        return this.#send(portion)
      case 'unknown':
        return this.#reconcile(portion)
      case 'rejected':
        return this.#sortOut(portion)
      case 'refused':
        return this.#bisect(portion)
    }
  }

  // ── unsent ────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #send(portion: Unsent): Promise<readonly Portion[]> {
    // One part that is rejected or refused decides for its whole event.
    const { entries: all } = portion
    const left = this.#moves.size === 0 ? all : all.filter(({ index }) => !this.#moves.has(index))
    this.#open -= portion.entries.length - left.length
    const calls = cutCalls(left)
    const [entries, ...others] = calls.map((each): Unsent => ({ state: 'unsent', entries: each }))
    if (entries === undefined) return []
    if (others.length > 0) return [entries, ...others]

    this.#patience.begin()
    const askedAt = performance.now()
    const attempt = await this.#side.breaker.attempt(
      () => this.#put(entries.entries),
      this.#patience.until,
      this.#patience.ended,
    )
    if (attempt === undefined) throw this.#patience.over()
    const { outcome, waitMs } = attempt
    return this.#answered(entries, outcome, waitMs, askedAt)
  }

  async #put(entries: readonly Entry[]): Promise<PutOutcome> {
    const { destination, onStep } = this.#means
    await this.#side.hold()
    const wasUnsent = this.#isUnsent
    this.#isUnsent = false
    const call = destination.put(entries, this.#side.lost)
    await onStep('sent')
    const outcome = await call
    await onStep('answered')
    const { kind } = outcome
    this.#isUnsent = wasUnsent && (kind === 'refused' || kind === 'missing' || kind === 'later' || kind === 'denied')
    return outcome
  }

  async #answered(portion: Unsent, outcome: PutOutcome, waitMs: number, askedAt: number): Promise<readonly Portion[]> {
    const { destination, logger, metrics, refusals } = this.#means
    const { entries } = portion
    switch (outcome.kind) {
      case 'stored':
      case 'partly':
        refusals.inARow = 0
        return this.#taken(entries, outcome)
      case 'refused':
        return [{ state: 'refused', entries, cause: outcome.cause }]
      case 'missing':
        this.#patience.cause = 'log group or stream missing'
        metrics.retried('missing')
        if (!(await makeDestination(destination, askedAt, logger))) await this.#patience.backOff()
        else if (this.#patience.tries > 1) await this.#patience.backOff()
        return [portion]
      case 'denied':
        throw deniedError(outcome.why, outcome.cause, 'PutLogEvents', destination.where)
      case 'later':
        this.#patience.cause = outcome.cause
        this.#patience.isUnreachable = outcome.unreachable
        metrics.retried(outcome.unreachable ? 'unreachable' : 'throttled')
        logger.warn(
          { attempt: this.#patience.tries, cause: outcome.cause, waitMs: Math.round(waitMs) },
          'CloudWatch takes nothing now',
        )
        await this.#patience.wait(waitMs)
        return [portion]
      case 'unknown':
        this.#patience.cause = outcome.cause
        this.#patience.isUnreachable = false
        metrics.retried('unknown')
        logger.warn({ attempt: this.#patience.tries, cause: outcome.cause, events: entries.length }, 'outcome unknown')
        return [{ state: 'unknown', entries, cause: outcome.cause }]
    }
  }

  /** Stored, all or in part. */
  #taken(entries: readonly Entry[], outcome: PutOutcome & { kind: 'stored' | 'partly' }): readonly Portion[] {
    const { destination, logger } = this.#means
    const indices = outcome.kind === 'partly' ? outcome : { ...NO_INDICES, tooNewStart: entries.length }
    const { rejected, doubted } = sortRejected(entries, indices, destination.now())
    const stored = entries.length - rejected.length - doubted.length
    this.#open -= stored
    if (stored > 0) this.#wasTaken = true
    const portions: Portion[] = []
    if (rejected.length > 0) portions.push({ state: 'rejected', claims: rejected })
    if (doubted.length > 0) {
      const { tooOldEnd, expiredEnd, tooNewStart } = indices
      const answer = `too old before ${tooOldEnd}, expired before ${expiredEnd}, too new from ${tooNewStart}`
      const error = new AuditError('AUDIT_REJECTION_DOUBTED', { count: doubted.length, of: entries.length, answer })
      logger.warn({ code: error.code }, error.message)
      this.#patience.cause = error.message
      portions.push(unknownOf(doubted, 'its time contradicts the answer'))
    } else {
      this.#patience.progress()
    }
    return portions
  }

  // ── unknown ───────────────────────────────────────────────────────────────────────────────────────────────────────

  async #reconcile(portion: Unknown): Promise<readonly Portion[]> {
    const { reconciler, metrics, logger, onStep } = this.#means
    const { entries, cause, rejections } = portion
    this.#patience.begin()
    await onStep('unknown')
    const found = await reconciler.reconcile(entries, this.#side.lateSince, this.#patience.ended)
    await onStep('reconciled')
    if (found === undefined) {
      await this.#patience.backOff()
      return [portion]
    }
    const { absent, seen } = found
    this.#seen.push(seen)
    this.#open -= entries.length - absent.length
    if (absent.length < entries.length) this.#wasTaken = true
    else if (portion === this.#first) this.#isUnsent = true
    metrics.duplicatesAvoided(entries.length - absent.length)
    logger.info({ suspects: entries.length, absent: absent.length, cause }, 'reconciled')
    const claims = absent.map((entry): Claim => ({ entry, rejection: rejections?.get(entry.key) }))
    const unsent = claims.filter(({ rejection }) => rejection === undefined).map(({ entry }) => entry)
    const rejected = claims.filter(({ rejection }) => rejection !== undefined)
    const portions: Portion[] = []
    if (rejected.length > 0) portions.push({ state: 'rejected', claims: rejected })
    if (unsent.length > 0) portions.push({ state: 'unsent', entries: unsent })
    return portions
  }

  // ── rejected ──────────────────────────────────────────────────────────────────────────────────────────────────────

  async #sortOut({ claims }: Rejected): Promise<readonly Portion[]> {
    const { destination, onStep } = this.#means
    const again: Entry[] = []
    const late: Claim[] = []
    for (const claim of claims) {
      const { entry, rejection } = claim
      if (rejection === 'too_new') {
        // Other parts of the event are stored already: the rest cannot wait hours for its turn on the list.
        if (entry.key !== entry.id && this.#wasTaken) again.push(entry)
        else this.#defer(entry)
      } else if (rejection !== undefined && entry.late !== undefined) {
        this.#bury(entry, rejection, 'CloudWatch does not take it with the current time either')
      } else late.push(claim)
    }
    if (again.length > 0) {
      this.#patience.cause = 'CloudWatch takes one part of an event and not the next'
      await this.#patience.backOff()
    }
    const portions: Portion[] = again.length > 0 ? [{ state: 'unsent', entries: again }] : []
    if (late.length === 0) return portions

    const now = destination.now()
    await this.#side.stamp(now)
    await onStep('stamped')
    const copies = late.flatMap(({ entry, rejection }) =>
      lateCopies(entry, rejection === 'expired' ? 'expired' : 'too_old', now),
    )
    for (const { entry } of late) this.#late.add(entry.index)
    const unsent = copies.filter((copy) => !this.#seen.some((seen) => seen.has(copy)))
    this.#open += unsent.length - late.length
    return [...portions, { state: 'unsent', entries: unsent }]
  }

  #defer({ index, timestamp }: Entry): void {
    // Not before the next minute: with a clock that is wrong by more, it would come back at once, again and again.
    const dueMs = Math.max(timestamp - PUT_LIMITS.aheadMs + 1_000, this.#means.destination.now() + 60_000)
    this.#open -= 1
    this.#moves.set(index, { index, to: 'deferred', dueMs })
  }

  #bury({ index }: Entry, reason: DeadReason, detail: string): void {
    this.#open -= 1
    this.#moves.set(index, { index, to: 'dead', header: deadHeader(reason, detail) })
  }

  // ── refused ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Halves a refused portion until the entry that spoils it is alone. Of m entries, k poison ones cost at most
   * 2 k ⌈log2 m⌉ calls more than the first: every refused portion that is halved holds one of them, each is in at most
   * ⌈log2 m⌉ such portions, and each of those leads to two calls.
   */
  async #bisect({ entries, cause }: Refused): Promise<readonly Portion[]> {
    const [only, next] = entries
    if (only === undefined) return []
    if (next !== undefined) {
      this.#means.metrics.retried('refused')
      const middle = entries.length >> 1
      return [
        { state: 'unsent', entries: entries.slice(0, middle) },
        { state: 'unsent', entries: entries.slice(middle) },
      ]
    }
    this.#means.refusals.inARow += 1
    this.#bury(only, 'refused', cause)
    this.#patience.progress()
    return this.#wasTaken || this.#means.refusals.inARow < MOST_REFUSED_ALONE ? [] : this.#probe(cause)
  }

  /**
   * Every event so far was refused alone and none was taken: the reason may not be in the events at all. Before the
   * whole backlog is buried one by one, a few others are tried; are they refused too, nothing of the batch is moved.
   */
  #probe(cause: string): readonly Portion[] {
    const picked = pickProbe(this.#work, this.#probes)
    if (picked === undefined) throw new AuditError('AUDIT_BATCH_REFUSED', { cause, count: this.#means.refusals.inARow })
    this.#probes += 1
    this.#work = picked.rest
    return [picked.probe]
  }
}

function unknownOf(claims: readonly Claim[], cause: string): Unknown {
  const rejections = new Map(
    claims.flatMap(({ entry, rejection }) => (rejection === undefined ? [] : [[entry.key, rejection] as const])),
  )
  return { state: 'unknown', entries: claims.map(({ entry }) => entry), cause, rejections }
}
