import type { Redis } from 'ioredis'
import type { QueueKeys } from '../../src/queue/keys'
import { type Lease, PendingList } from '../../src/queue/pending-list'

/** Long enough that no lease runs out by itself: the model decides when one does. */
const LEASE_MS = 3_600_000

/** What Redis holds of one pending list, as plain values that the model can be compared with. */
export interface RealState {
  readonly pending: readonly string[]
  readonly owner: string
  readonly token: number
  readonly base: number
  readonly sent: number
  readonly failures: number
  readonly late: { readonly to: number; readonly since: number }
  readonly dead: readonly string[]
  readonly deferred: readonly string[]
  readonly stats: { readonly stored: number; readonly dead: number; readonly deferred: number }
}

/** The real pending list in a real Redis, with a clock that the model turns. */
export class RealList {
  readonly list: PendingList
  readonly #redis: Redis
  readonly #keys: QueueKeys

  constructor(redis: Redis, keys: QueueKeys) {
    this.list = new PendingList(redis, keys, LEASE_MS)
    this.#redis = redis
    this.#keys = keys
  }

  async push(elements: readonly string[]): Promise<void> {
    await this.#redis.rpush(this.#keys.pending, ...elements)
  }

  /** The lease of whoever holds it runs out now. */
  async expire(): Promise<void> {
    if ((await this.#redis.exists(this.#keys.lease)) === 1) await this.#redis.hset(this.#keys.lease, 'expiry', 1)
  }

  /** The time of every deferred event comes now. */
  async makeDue(): Promise<void> {
    const members = await this.#redis.zrange(this.#keys.deferred, 0, -1)
    // One score for each, so that the order in which they come back is the one the model knows.
    for (const [score, member] of members.entries()) await this.#redis.zadd(this.#keys.deferred, score + 1, member)
  }

  async read(): Promise<RealState> {
    const replies = await this.#redis
      .multi()
      .lrange(this.#keys.pending, 0, -1)
      .hmget(this.#keys.lease, 'owner', 'token', 'base', 'sent', 'failures', 'lateTo', 'lateSince')
      .lrange(this.#keys.dead, 0, -1)
      .zrange(this.#keys.deferred, 0, -1)
      .hmget(this.#keys.stats, 'stored', 'dead', 'deferred')
      .exec()
    const [pending, lease, dead, deferred, stats] = (replies ?? []).map(([, reply]) => reply as (string | null)[])
    const texts = (values: (string | null)[] = []) => values.map((value) => value ?? '')
    const [owner = '', token, base, sent, failures, lateTo, lateSince] = texts(lease)
    const [stored, deadCount, deferredCount] = texts(stats)
    return {
      pending: texts(pending),
      owner,
      token: Number(token),
      base: Number(base),
      sent: Number(sent),
      failures: Number(failures),
      late: { to: Number(lateTo), since: Number(lateSince) },
      dead: texts(dead).map((letter) => letter.slice(letter.indexOf('\n') + 1)),
      deferred: texts(deferred).map((member) => member.slice(member.indexOf('\n') + 1)),
      stats: { stored: Number(stored), dead: Number(deadCount), deferred: Number(deferredCount) },
    }
  }

  async acquire(owner: string): Promise<Lease | undefined> {
    const lease = await this.list.acquire(owner)
    return 'heldBy' in lease ? undefined : lease
  }
}
