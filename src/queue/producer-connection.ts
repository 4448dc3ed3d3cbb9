import type { Logger } from '../../config/logger'
import type { Settings } from '../../config/settings'
import { backoff, connectRedis, PRODUCER_CONNECTION, type RedisClient } from './connection'

interface Stream {
  ref?: () => void
  unref?: () => void
}

/** How long the connections to a Cluster stay open with nothing to push. */
const CLUSTER_IDLE_MS = 2_000

/** The connection of a producer: made when it is first needed, and alive only while something is under way. */
export class ProducerConnection {
  readonly #settings: Pick<Settings, 'redis'>
  readonly #logger: Logger
  readonly #inUse: () => boolean
  #redis: RedisClient | undefined
  #idle: NodeJS.Timeout | undefined
  #stream: Stream | undefined
  #needed: boolean | undefined

  constructor(settings: Pick<Settings, 'redis'>, logger: Logger, inUse: () => boolean) {
    this.#settings = settings
    this.#logger = logger
    this.#inUse = inUse
  }

  /** A client that is ready for commands; throws while Redis cannot be reached. */
  async ready(): Promise<RedisClient> {
    if (this.#redis === undefined) {
      // Reconnecting while nothing waits would keep a finished program alive for as long as Redis is gone.
      const retryStrategy = (attempt: number) => (this.#inUse() ? backoff(attempt) : null)
      const redis = connectRedis(this.#settings, { ...PRODUCER_CONNECTION, retryStrategy }, this.#logger)
      redis.on('ready', () => this.hold())
      if (redis.isCluster) redis.on('end', () => this.#forget(redis))
      this.#redis = redis
      await redis.connect()
    } else if (this.#redis.status === 'end') {
      await this.#redis.connect()
    }
    return this.#redis
  }

  /** An idle connection must not keep a finished program from exiting; one with a push under way must. */
  hold(): void {
    if (this.#redis?.isCluster) this.#closeWhenIdle(this.#redis)
    if (this.#redis === undefined || !('stream' in this.#redis)) return
    const stream = this.#redis.stream as Stream | undefined
    const needed = this.#inUse()
    // Told again and again while it connects, a socket would take a listener each time.
    if (stream === this.#stream && needed === this.#needed) return
    this.#stream = stream
    this.#needed = needed
    if (needed) stream?.ref?.()
    else stream?.unref?.()
  }

  /** A Cluster has connections that cannot be told not to keep the program alive; the next push opens them again. */
  #closeWhenIdle(cluster: RedisClient): void {
    clearTimeout(this.#idle)
    if (this.#inUse()) return
    this.#idle = setTimeout(() => {
      this.#forget(cluster)
      cluster.disconnect()
    }, CLUSTER_IDLE_MS).unref()
  }

  /** A Cluster of ioredis that has ended says "close" a moment later, and nobody could tell that it will not come back. */
  #forget(cluster: RedisClient): void {
    if (this.#redis === cluster) this.#redis = undefined
  }

  disconnect(): void {
    clearTimeout(this.#idle)
    this.#redis?.disconnect()
  }
}
