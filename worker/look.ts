import type { RedisClient } from '../src/queue/connection'
import type { QueueKeys } from '../src/queue/keys'
import { Script } from '../src/queue/script'

/** One pending list at one moment. */
export interface ListView {
  readonly keys: QueueKeys
  readonly pending: number
  /** Deferred events whose time has come. */
  readonly due: number
  /** How many events have left the list since it began. */
  readonly base: number
  /** Who holds the lease, alive or not; empty when it was given back. */
  readonly owner: string
  readonly leaseLeftMs: number
  /** The round in which it was last flushed. */
  readonly round: number
}

const look = new Script('look')

export async function lookAt(redis: RedisClient, keys: QueueKeys): Promise<ListView> {
  const names = [keys.lease, keys.pending, keys.deferred, keys.stats]
  const [pending, due, base, owner, left, round] = (await look.run(redis, names, [])) as unknown[]
  return {
    keys,
    pending: Number(pending),
    due: Number(due),
    base: Number(base),
    owner: String(owner),
    leaseLeftMs: Number(left),
    round: Number(round),
  }
}

export function isHeld({ owner, leaseLeftMs }: ListView): boolean {
  return owner !== '' && leaseLeftMs > 0
}

/** Its holder died: the lease ran out without being given back. */
export function isOrphaned({ owner, leaseLeftMs }: ListView): boolean {
  return owner !== '' && leaseLeftMs <= 0
}
