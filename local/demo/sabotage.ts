import type { Redis } from 'ioredis'
import { v7 } from 'uuid'
import type { QueueKeys } from '../../src/queue/keys'
import type { Sabotage } from './options'

/** What a faulty queue would do: lose an event, or hold one that nobody captured. */
export async function spoil(redis: Redis, keys: QueueKeys, kind: Sabotage): Promise<void> {
  if (kind === 'lose') {
    await redis.lpop(keys.pending)
    return
  }
  const stranger = { v: 1, id: v7(), date: new Date().toISOString(), action: 'STRANGER' }
  await redis.rpush(keys.pending, JSON.stringify(stranger))
}
