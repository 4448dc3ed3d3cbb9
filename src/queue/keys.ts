import type { Settings } from '../../config/settings'

/** More lists than this serve nobody: 16 of them outrun a CloudWatch account's quota. */
export const MOST_SHARDS = 64

/**
 * The Redis keys of one pending list. The braces make one hash slot of them, which the scripts need on Redis Cluster.
 * A producer in another language only needs `RPUSH {prefix}:pending <event>`.
 */
export interface QueueKeys {
  /** `{prefix}`, or `{prefix:i}` where there are several lists. */
  readonly tag: string
  /** List of events as JSON lines, oldest left. */
  readonly pending: string
  /** Hash: owner, expiry, token, base (events that have left the list), sent (events that may be stored). */
  readonly lease: string
  /** Sorted set of events that CloudWatch takes later, by the time they are due. */
  readonly deferred: string
  /** List of dead letters: a JSON header line, a line feed, then the element as it was. */
  readonly dead: string
  /** Hash: what was done so far, and the last flush. */
  readonly stats: string
}

/** What the workers of one prefix share, whatever `shards` is, so that they find each other while it is being changed. */
export interface FleetKeys {
  /** `{prefix}`; BullMQ keeps its own keys under it. */
  readonly tag: string
  /** Sorted set of the workers that live, by the time they are given up. */
  readonly workers: string
  /** Hash: at (when the current round began), failed (the round in which a flush failed). */
  readonly round: string
}

export function queueKeys(prefix: string): QueueKeys {
  const tag = `{${prefix}}`
  return {
    tag,
    pending: `${tag}:pending`,
    lease: `${tag}:lease`,
    deferred: `${tag}:deferred`,
    dead: `${tag}:dead`,
    stats: `${tag}:stats`,
  }
}

export function fleetKeys(prefix: string): FleetKeys {
  const tag = `{${prefix}}`
  return { tag, workers: `${tag}:workers`, round: `${tag}:round` }
}

/** The lists that events are pushed onto, by shard: `{prefix}` alone, or `{prefix:0}` … `{prefix:n-1}`. */
export function shardKeys({ prefix, shards }: Pick<Settings, 'prefix' | 'shards'>): QueueKeys[] {
  if (shards === 1) return [queueKeys(prefix)]
  return Array.from({ length: shards }, (_, shard) => queueKeys(`${prefix}:${shard}`))
}

/**
 * Every list that could hold events of this prefix: those of `shards` first, then those of any other number of shards,
 * which another process may still push onto or an earlier setting may have left behind.
 */
export function everyKeys({ prefix, shards }: Pick<Settings, 'prefix' | 'shards'>): QueueKeys[] {
  const now = shardKeys({ prefix, shards })
  const tags = new Set(now.map(({ tag }) => tag))
  const others = [queueKeys(prefix), ...shardKeys({ prefix, shards: MOST_SHARDS })]
  return [...now, ...others.filter(({ tag }) => !tags.has(tag))]
}
