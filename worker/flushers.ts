import type { Logger } from '../config/logger'
import type { WorkerSettings } from '../config/settings'
import type { RedisClient } from '../src/queue/connection'
import { everyKeys, type QueueKeys, shardKeys } from '../src/queue/keys'
import { createClient, Destination } from './destination'
import type { FlushSummary } from './flush'
import { Flusher, newOwner } from './flusher'
import { lookAt } from './look'
import type { WorkerMetrics } from './metrics'
import { sumOfFlushes } from './sum-flushes'

/** How many lists `flushAll` has under way at once; each holds up to `inFlight` batches of 1 MiB. */
const AT_ONCE = 4

/** The flushers of one process: one for each pending list, made when it is first needed. */
export class Flushers {
  /** Says, wherever a lease is shown, which process holds it. */
  readonly owner = newOwner()
  readonly #redis: RedisClient
  readonly #settings: WorkerSettings
  readonly #logger: Logger
  readonly #metrics: WorkerMetrics | undefined
  readonly #flushers = new Map<string, Flusher>()
  /** One for all lists: a missing stream is made once, however many of them find it missing. */
  readonly #destination: Destination

  constructor(redis: RedisClient, settings: WorkerSettings, logger: Logger, metrics?: WorkerMetrics) {
    this.#redis = redis
    this.#settings = settings
    this.#logger = logger
    this.#metrics = metrics
    this.#destination = new Destination(createClient(settings), settings, metrics, logger)
  }

  of(keys: QueueKeys): Flusher {
    const known = this.#flushers.get(keys.tag)
    if (known) return known
    const made = new Flusher(
      this.#redis,
      this.#settings,
      this.#logger,
      this.#metrics,
      undefined,
      keys,
      this.owner,
      this.#destination,
    )
    this.#flushers.set(keys.tag, made)
    return made
  }

  /** Flushes every list: those of `shards`, and those of another number of shards that hold something. */
  async flushAll(flush = (keys: QueueKeys) => this.of(keys).flush()): Promise<FlushSummary> {
    const current = shardKeys(this.#settings)
    const others = everyKeys(this.#settings).slice(current.length)
    const views = await Promise.all(others.map((keys) => lookAt(this.#redis, keys)))
    const left = views.filter(({ pending, due, owner }) => pending + due > 0 || owner !== '').map(({ keys }) => keys)
    const waiting = [...current, ...left]
    const summaries: FlushSummary[] = []
    const next = async () => {
      for (let keys = waiting.shift(); keys !== undefined; keys = waiting.shift()) summaries.push(await flush(keys))
    }
    await Promise.all(Array.from({ length: AT_ONCE }, next))
    return sumOfFlushes(summaries)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#flushers.values()].map((flusher) => flusher.close()))
    this.#destination.close()
  }
}
