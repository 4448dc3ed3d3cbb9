import type { RedisClient } from '../src/queue/connection'
import type { FleetKeys, QueueKeys } from '../src/queue/keys'
import { Script } from '../src/queue/script'

const attend = new Script('attend')
const round = new Script('round')

/** The workers of one prefix at one moment. Times are Redis' own. */
export interface FleetView {
  readonly now: number
  /** When the current round began: each list is flushed once a round. */
  readonly round: number
  /** The round in which CloudWatch last took nothing. */
  readonly failedRound: number
  /** This worker and all others that live. */
  readonly workers: readonly string[]
}

/** What the workers of one prefix tell each other through Redis: who lives, and which round it is. */
export class Fleet {
  readonly #redis: RedisClient
  readonly #keys: FleetKeys
  readonly #worker: string
  readonly #aliveMs: number

  /** @param aliveMs how long this worker counts as alive after it was last seen */
  constructor(redis: RedisClient, keys: FleetKeys, worker: string, aliveMs: number) {
    this.#redis = redis
    this.#keys = keys
    this.#worker = worker
    this.#aliveMs = aliveMs
  }

  attend(): Promise<FleetView> {
    return this.#attend(this.#aliveMs)
  }

  /** The others need not wait until this worker is given up. */
  async leave(): Promise<void> {
    await this.#attend(0)
  }

  /** Begins a round. With `seen`, only if that is still the current one: every worker sees the same backlog. */
  async begin(seen?: number): Promise<void> {
    await round.run(this.#redis, [this.#keys.round], [seen ?? ''])
  }

  /** Every event of the list that was pending when this round began was dealt with. */
  async done(keys: QueueKeys, at: number): Promise<void> {
    await this.#redis.hset(keys.stats, 'round', at)
  }

  /** CloudWatch took nothing in this round: a backlog is no reason to begin the next one early. */
  async failed(at: number): Promise<void> {
    await this.#redis.hset(this.#keys.round, 'failed', at)
  }

  async #attend(aliveMs: number): Promise<FleetView> {
    const keys = [this.#keys.workers, this.#keys.round]
    const [now, at, failed, workers] = (await attend.run(this.#redis, keys, [this.#worker, aliveMs])) as unknown[]
    return { now: Number(now), round: Number(at), failedRound: Number(failed), workers: workers as string[] }
  }
}
