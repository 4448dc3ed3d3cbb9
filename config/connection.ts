import type { Cluster, Redis, RedisOptions } from 'ioredis'
import { isPlainObject } from './freeze'
import { parseUrl } from './url'

/** A live ioredis connection, of a single server, a Sentinel or a Cluster. */
export type RedisConnection = Redis | Cluster

/** What an application may hand over: by shape, because a connection of ioredis 6 is not of ioredis 5's types. */
export interface RedisConnectionLike {
  rpush(...values: never[]): unknown
  duplicate(...overrides: never[]): unknown
}

/** Where the pending list lives: a URL or socket path, ioredis options, or a live connection. */
export type RedisSetting = string | RedisOptions | RedisConnection

/** True for a connection of ioredis 5 or 6 (Redis or Cluster) and of ioredis-mock. */
export function isRedisConnection(value: unknown): value is RedisConnection {
  if (typeof value !== 'object' || value === null) return false
  return isFunction(Reflect.get(value, 'rpush')) && isFunction(Reflect.get(value, 'duplicate'))
}

export function isRedisSetting(value: unknown): value is RedisSetting {
  if (typeof value === 'string') return isRedisUrl(value)
  // One with a key prefix may stay: it is duplicated, without the prefix.
  if (isRedisConnection(value)) return true
  // ioredis ignores `url` and would connect to localhost: events would wait in a Redis that no worker reads.
  return isPlainObject(value) && !value.keyPrefix && !Object.hasOwn(value, 'url')
}

function isRedisUrl(text: string): boolean {
  const [socket, query = ''] = text.split('?', 2)
  if (socket?.startsWith('/')) return /^\/[^/]/.test(socket) && isUsableQuery(query)
  const url = parseUrl(text)
  if (!url || !/^rediss?:$/.test(url.protocol)) return false
  // An empty host is what `redis://${HOST}/0` becomes without HOST; ioredis would silently take localhost.
  if (url.hostname === '' || !/^\/?\d*$/.test(url.pathname)) return false
  return isDecodable(url.username) && isDecodable(url.password) && isUsableQuery(url.search.slice(1))
}

/**
 * ioredis takes options from the query. A key prefix would move this process's keys away from where the others look,
 * and BullMQ refuses it.
 */
function isUsableQuery(query: string): boolean {
  return !new URLSearchParams(query).get('keyPrefix')
}

/** ioredis decodes user and password, and throws a bare URIError on a stray percent sign. */
function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}
