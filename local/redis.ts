import { AuditError } from '../config/errors'
import { startRedisBinary } from './redis/binary'
import { startEmbeddedRedis } from './redis/embedded'
import type { LocalRedis } from './redis/local-redis'

export type { LocalRedis }

export interface LocalRedisOptions {
  /** Which to try first: a `redis-server` found on the PATH (the default), or js-redis-server inside this process. */
  readonly prefer?: 'binary' | 'embedded'
}

/**
 * A Redis of one's own, empty, on a loopback port, without persistence.
 *
 * @throws AUDIT_LOCAL_REDIS_MISSING when this machine has neither kind.
 */
export async function startRedis({ prefer = 'binary' }: LocalRedisOptions = {}): Promise<LocalRedis> {
  const ways = [startRedisBinary, startEmbeddedRedis]
  if (prefer === 'embedded') ways.reverse()
  const problems: string[] = []
  for (const start of ways) {
    try {
      return await start()
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error))
    }
  }
  throw new AuditError('AUDIT_LOCAL_REDIS_MISSING', { problems: problems.join('; ') })
}
