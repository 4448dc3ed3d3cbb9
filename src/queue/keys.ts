/**
 * The Redis keys of one pending list. The braces make one hash slot of them, which the scripts need on Redis Cluster.
 * A producer in another language only needs `RPUSH {prefix}:pending <event>`.
 */
export interface QueueKeys {
  /** `{prefix}`; BullMQ keeps its own keys under it. */
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
