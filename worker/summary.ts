import type { RedisClient } from '../src/queue/connection'
import type { QueueKeys } from '../src/queue/keys'
import type { FlushSummary } from './flush'

/** What `status` shows of the last flush. */
export interface LastFlush {
  /** ISO 8601: when it ended. */
  readonly at: string
  readonly stored: number
  readonly batches: number
  readonly outcome: FlushSummary['outcome']
  /** The code of the error it failed with. */
  readonly error?: string
}

export async function saveLastFlush(redis: RedisClient, keys: QueueKeys, summary: FlushSummary): Promise<void> {
  const { stored, batches, outcome, error } = summary
  const last: LastFlush = {
    at: new Date().toISOString(),
    stored,
    batches,
    outcome,
    ...(error && { error: error.code }),
  }
  const fields: Record<string, string | number> = { lastFlush: JSON.stringify(last) }
  if (outcome === 'ok') fields.lastOk = Date.now()
  await redis.hset(keys.stats, fields)
}
