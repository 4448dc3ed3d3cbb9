import type { Cluster, RedisOptions } from 'ioredis'
import { Redis } from 'ioredis'
import { isRedisConnection } from '../../config/connection'
import { AuditError } from '../../config/errors'
import type { Logger } from '../../config/logger'
import type { Settings } from '../../config/settings'

export type RedisClient = Redis | Cluster

/**
 * How the application connects. Nothing is queued inside ioredis and nothing is sent twice behind our back: by default
 * ioredis repeats unanswered commands after a reconnect, which would append the same events again.
 */
export const PRODUCER_CONNECTION: RedisOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectTimeout: 5_000,
  socketTimeout: 10_000,
  reconnectOnError: isReplica,
}

/** How the worker connects: it waits for Redis as long as it takes. Its scripts may be repeated without harm. */
export const WORKER_CONNECTION: RedisOptions = {
  maxRetriesPerRequest: null,
  connectTimeout: 5_000,
  // A host that vanished answers nothing and closes nothing. More than the 10 s for which BullMQ waits for a job.
  socketTimeout: 30_000,
  retryStrategy: backoff,
  reconnectOnError: isReplica,
}

/** How a command connects: it fails within seconds, and says so, instead of waiting. */
export const COMMAND_CONNECTION: RedisOptions = {
  maxRetriesPerRequest: 2,
  connectTimeout: 3_000,
  retryStrategy: (attempt) => (attempt > 2 ? null : 200),
}

/**
 * After a failover the old primary may go on answering, as a replica that refuses every write: a new connection finds
 * the new primary, by its name or through Sentinel, and the old one never would.
 */
export function isReplica(error: Error): boolean {
  return error.message.startsWith('READONLY')
}

/** Full pause at first 50 ms, then doubled up to 2 s, with jitter: all processes of a fleet lose Redis at once. */
export function backoff(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 6), 2_000) * (0.5 + Math.random() / 2)
}

/**
 * Opens a connection of our own to where the settings point. A connection that the application handed over is
 * duplicated, never used itself: its options (offline queue, repeats, key prefix) are the application's business.
 * The caller closes what it opened.
 */
export function connectRedis(settings: Pick<Settings, 'redis'>, options: RedisOptions, logger: Logger): RedisClient {
  const client = open(settings.redis, { ...options, keyPrefix: '' })
  let saidAt = Number.NEGATIVE_INFINITY
  client.on('error', (cause: Error) => {
    // One line per half minute: a client that cannot connect raises an error at every attempt.
    if (performance.now() - saidAt < 30_000) return
    saidAt = performance.now()
    const error = new AuditError('AUDIT_REDIS_UNAVAILABLE', { cause: cause.message })
    logger.error({ code: error.code }, error.message)
  })
  return client
}

function open(redis: Settings['redis'], options: RedisOptions): RedisClient {
  if (typeof redis === 'string') return openUrl(redis, options)
  if (!isRedisConnection(redis)) return new Redis({ ...redis, ...options })
  if (!redis.isCluster) return (redis as Redis).duplicate(options)
  const cluster = redis as Cluster
  const { retryStrategy, ...redisOptions } = options
  return cluster.duplicate([], {
    enableOfflineQueue: options.enableOfflineQueue ?? true,
    lazyConnect: options.lazyConnect ?? false,
    clusterRetryStrategy: (attempt: number) => retryStrategy?.(attempt) ?? null,
    redisOptions: { ...cluster.options.redisOptions, ...redisOptions },
  })
}

/** ioredis lets options in the query of a URL win over those in code; of them, only the address family is taken. */
function openUrl(url: string, options: RedisOptions): Redis {
  const [address = url, query] = url.split('?', 2)
  const family = Number(new URLSearchParams(query).get('family'))
  return new Redis(address, { ...options, ...(family > 0 && { family }) })
}
