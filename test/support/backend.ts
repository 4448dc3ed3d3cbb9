import { Redis } from 'ioredis'
import { type LocalCloudWatch, startCloudWatch } from '../../local/cloudwatch'
import { environmentFor, GROUP, STREAM } from './processes'
import { type RedisServer, type RedisServerOptions, startRedisServer } from './redis-server'

/** What a worker stands between: a Redis and the local CloudWatch, both for one test only. */
export interface Backend {
  readonly server: RedisServer
  /** Its client waits while the server is down, and says nothing of it. */
  readonly redis: Redis
  /** With the group and the stream of `env`. */
  readonly endpoint: LocalCloudWatch
  readonly env: Record<string, string>
  stop(): Promise<void>
}

export async function startBackend(options?: RedisServerOptions): Promise<Backend> {
  const [server, endpoint] = await Promise.all([startRedisServer(options), startCloudWatch()])
  endpoint.ensure(GROUP, STREAM)
  const redis = new Redis(server.url, { maxRetriesPerRequest: null })
  redis.on('error', () => undefined)
  return {
    server,
    redis,
    endpoint,
    env: environmentFor(server.url, endpoint),
    async stop() {
      redis.disconnect()
      await Promise.all([server.stop(), endpoint.close()])
    },
  }
}
