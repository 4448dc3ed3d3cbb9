import { join } from 'node:path'
import { Redis } from 'ioredis'
import { type RedisServer, startRedisServer } from '../../test/support/redis-server'
import { type SpawnedProcess, spawnNode } from '../../test/support/spawn-process'

/** Where this file is compiled to, with everything else below it. */
const BUILT = join(__dirname, '..', '..')

/** A real redis-server without persistence, and a connection of the benchmark's own. */
export async function benchRedis(): Promise<{ server: RedisServer; redis: Redis; close(): Promise<void> }> {
  const server = await startRedisServer()
  const redis = new Redis(server.url)
  return {
    server,
    redis,
    async close() {
      redis.disconnect()
      await server.stop()
    },
  }
}

export interface Sink {
  readonly url: string
  /** How many events came in so far. */
  events(): Promise<number>
  close(): Promise<void>
}

/** The local CloudWatch endpoint that only reads and counts, in a process of its own. */
export async function startSink(): Promise<Sink> {
  const endpoint = spawnBuilt('local/cloudwatch/main.js', ['--sink'])
  const { url } = JSON.parse(await endpoint.waitForLine(/^\{"url"/)) as { url: string }
  return {
    url,
    async events() {
      const response = await fetch(`${url}/_local/counts`)
      return ((await response.json()) as { events: number }).events
    },
    async close() {
      await endpoint.kill('SIGTERM')
    },
  }
}

/** Runs a script of what was built together with this benchmark. */
export function spawnBuilt(script: string, args: readonly string[], env: Record<string, string> = {}): SpawnedProcess {
  return spawnNode(join(BUILT, script), args, { env })
}
