import type { Logger } from '../config/logger'
import type { RedisClient } from '../src/queue/connection'
import type { QueueKeys } from '../src/queue/keys'

/**
 * Watches for a flush that died: a lease that ran out without being given back. Waiting for the next interval instead
 * would leave the events of a killed worker for up to LOG_INTERVAL minutes.
 */
export class Heir {
  readonly #redis: RedisClient
  readonly #keys: QueueKeys
  readonly #logger: Logger
  readonly #flush: () => Promise<unknown>
  readonly #timer: NodeJS.Timeout
  #looking = false

  constructor(redis: RedisClient, keys: QueueKeys, everyMs: number, logger: Logger, flush: () => Promise<unknown>) {
    this.#redis = redis
    this.#keys = keys
    this.#logger = logger
    this.#flush = flush
    this.#timer = setInterval(() => void this.#look(), everyMs)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #look(): Promise<void> {
    if (this.#looking || this.#redis.status !== 'ready') return
    this.#looking = true
    try {
      const [[owner, expiry], [seconds, microseconds]] = await Promise.all([
        this.#redis.hmget(this.#keys.lease, 'owner', 'expiry'),
        this.#redis.time(),
      ])
      const now = Number(seconds) * 1000 + Number(microseconds) / 1000
      if (owner && Number(expiry) < now) await this.#flush()
    } catch (err) {
      this.#logger.warn({ err }, 'the lease could not be looked at')
    } finally {
      this.#looking = false
    }
  }
}
