import { AuditError } from '../../config/errors'
import type { RedisClient } from './connection'
import { Elements } from './elements'
import type { QueueKeys } from './keys'
import { Script } from './script'

const acquire = new Script('acquire')
const peek = new Script('peek')
const mark = new Script('mark')
const unmark = new Script('unmark')
const settle = new Script('settle')
const release = new Script('release')
const readmit = new Script('readmit')
const resume = new Script('resume')
const trip = new Script('trip')
const heal = new Script('heal')
const stamp = new Script('stamp')

/** The right of one worker to flush one pending list. Positions count events since the list began; base is its head. */
export interface Lease {
  readonly owner: string
  readonly token: number
  readonly base: number
  /** Events before this position may be stored: a predecessor had marked them before it sent them. */
  readonly sent: number
}

/** Another worker holds the lease. */
export interface LeaseHeld {
  readonly heldBy: string
  readonly remainingMs: number
}

export interface Peeked {
  readonly base: number
  readonly length: number
  readonly elements: Elements
}

/** What earlier flushes left behind. */
export interface Inheritance extends BreakerState {
  /** From this time on (ms), events of the list that were marked as sent may be stored late. */
  readonly lateSince: number | undefined
}

/** The circuit breaker of one log stream, as it stands in Redis. */
export interface BreakerState {
  readonly failures: number
  /** Until then no call may be made. */
  readonly openForMs: number
}

/** An event of a batch that does not go to the stream: where it goes instead. `index` counts within the batch. */
export type Move =
  | { readonly index: number; readonly to: 'dead'; readonly header: string }
  | { readonly index: number; readonly to: 'deferred'; readonly dueMs: number }

/** A request to managed serverless Redis may have 3,999 arguments: three for each event that moves, seven of its own. */
const MOST_MOVES = 1_000

/**
 * One pending list as its lease holder sees it. Every method is one atomic script and throws AUDIT_LEASE_LOST when
 * another worker has taken over: nothing was changed then.
 */
export class PendingList {
  readonly #redis: RedisClient
  readonly #keys: QueueKeys
  readonly #leaseMs: number

  constructor(redis: RedisClient, keys: QueueKeys, leaseMs: number) {
    this.#redis = redis
    this.#keys = keys
    this.#leaseMs = leaseMs
  }

  async acquire(owner: string): Promise<Lease | LeaseHeld> {
    const reply = (await acquire.run(this.#redis, [this.#keys.lease], [owner, this.#leaseMs])) as unknown[]
    if (reply[0] === 0) return { remainingMs: Number(reply[1]), heldBy: String(reply[2]) }
    return { owner, token: Number(reply[1]), base: Number(reply[2]), sent: Number(reply[3]) }
  }

  /** The next events from `position` on, which has not left the list: up to `count`, up to `bytes` with `perEvent` added for each. */
  async peek(
    lease: Lease,
    from: { position: number; count: number; bytes: number; perEvent: number },
  ): Promise<Peeked> {
    const { position, count, bytes, perEvent } = from
    const keys = [this.#keys.lease, this.#keys.pending]
    const args = [lease.owner, lease.token, this.#leaseMs, position, count, bytes, perEvent]
    const [, base, length, lengths, pieces] = held(await peek.runBuffer(this.#redis, keys, args), lease)
    const elements = new Elements(pieces as Buffer[], lengths as number[])
    return { base: Number(base), length: Number(length), elements }
  }

  /** Before a send: events before `position` may be stored from now on. */
  async mark(lease: Lease, position: number): Promise<void> {
    await this.#run(mark, ['lease'], lease, [position])
  }

  /** Events from `position` on that were marked, up to `marked`, surely are not stored. */
  async unmark(lease: Lease, marked: number, position: number): Promise<void> {
    await this.#run(unmark, ['lease'], lease, [marked, position])
  }

  /** Keeps the lease during a long send. */
  async renew(lease: Lease): Promise<void> {
    await this.mark(lease, 0)
  }

  /**
   * The outcome of the first `n` events is known: they leave the list; `moves` (by rising index) are kept elsewhere.
   * Calling it again with the same `base` changes nothing.
   */
  async settle(lease: Lease, base: number, n: number, moves: readonly Move[] = []): Promise<void> {
    let done = 0
    // In steps, each complete in itself: after a crash in between, the rest is still pending and marked as sent.
    while (done < n) {
      const step = stepOf(moves, done, n)
      const args = step.moves.flatMap((move) => [
        move.index - done,
        move.to,
        move.to === 'dead' ? move.header : move.dueMs,
      ])
      const last = step.end === n ? 1 : 0
      const keys = ['lease', 'pending', 'deferred', 'dead', 'stats'] as const
      await this.#run(settle, keys, lease, [base + done, step.end - done, last, ...args])
      done = step.end
    }
  }

  async release(lease: Lease): Promise<void> {
    await release.run(this.#redis, [this.#keys.lease], [lease.owner, lease.token])
  }

  /** Puts deferred events whose time has come back on the list; returns how many. */
  async readmit(lease: Lease, most: number): Promise<number> {
    const reply = await this.#run(readmit, ['lease', 'pending', 'deferred', 'stats'], lease, [most])
    return Number(reply[1])
  }

  async resume(lease: Lease, stream: string): Promise<Inheritance> {
    const [, failures, openForMs, lateSince] = await this.#run(resume, ['lease'], lease, [stream])
    return {
      failures: Number(failures),
      openForMs: Number(openForMs),
      lateSince: Number(lateSince) > 0 ? Number(lateSince) : undefined,
    }
  }

  /** Counts a call that the log stream did not take; see trip.lua. */
  async trip(
    lease: Lease,
    stream: string,
    { failures, pauseMs, afterMs }: { failures: number; pauseMs: number; afterMs: number },
  ): Promise<BreakerState> {
    const args = [stream, failures, Math.ceil(pauseMs), Math.ceil(afterMs)]
    const reply = await this.#run(trip, ['lease'], lease, args)
    return { failures: Number(reply[1]), openForMs: Number(reply[2]) }
  }

  /** The log stream takes calls again. */
  async heal(lease: Lease): Promise<void> {
    await this.#run(heal, ['lease'], lease, [])
  }

  /** Before a send with the current time: events before `position` may be stored with a timestamp from `sinceMs` on. */
  async stamp(lease: Lease, position: number, sinceMs: number): Promise<void> {
    await this.#run(stamp, ['lease'], lease, [position, sinceMs])
  }

  async #run(
    script: Script,
    keys: readonly Exclude<keyof QueueKeys, 'tag'>[],
    lease: Lease,
    args: readonly (string | number)[],
  ): Promise<unknown[]> {
    const names = keys.map((key) => this.#keys[key])
    return held(await script.run(this.#redis, names, [lease.owner, lease.token, this.#leaseMs, ...args]), lease)
  }
}

/** Every script answers {0} to whoever does not hold the lease any more. */
function held(reply: unknown, lease: Lease): unknown[] {
  if (!Array.isArray(reply) || reply[0] === 0) throw new AuditError('AUDIT_LEASE_LOST', { owner: lease.owner })
  return reply
}

function stepOf(moves: readonly Move[], done: number, n: number): { end: number; moves: readonly Move[] } {
  const ahead = moves.filter((move) => move.index >= done)
  const next = ahead[MOST_MOVES]
  return next === undefined ? { end: n, moves: ahead } : { end: next.index, moves: ahead.slice(0, MOST_MOVES) }
}
