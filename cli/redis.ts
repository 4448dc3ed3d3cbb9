import { AuditError } from '../config/errors'
import { defaultLogger } from '../config/logger'
import type { Settings } from '../config/settings'
import { COMMAND_CONNECTION, connectRedis, type RedisClient } from '../src/queue/connection'

/** Opens a connection for the time of one command. What goes wrong is the command's answer, said once. */
export async function withRedis<T>(settings: Settings, use: (redis: RedisClient) => Promise<T>): Promise<T> {
  const redis = connectRedis(settings, { ...COMMAND_CONNECTION, lazyConnect: true }, defaultLogger('silent'))
  try {
    await redis.connect().catch((cause: Error) => {
      throw new AuditError('AUDIT_REDIS_UNAVAILABLE', { cause: cause.message }, { cause })
    })
    return await use(redis)
  } finally {
    redis.disconnect()
  }
}
