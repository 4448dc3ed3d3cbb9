import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from './port'
import { type RedisServer, startRedisServer } from './redis-server'
import { type SpawnedProcess, spawnProcess } from './spawn-process'
import { removeDirectory, temporaryDirectory } from './temp-directory'
import { waitFor } from './wait-for'

/** A master, a replica and three sentinels that watch them, on loopback ports. */
export interface RedisSentinel {
  readonly master: RedisServer
  readonly replica: RedisServer
  /** ioredis options that find whichever of the two is the master. */
  readonly options: { sentinels: { host: string; port: number }[]; name: string }
  /** Resolves once all that the master has acknowledged so far is on the replica too. */
  replicated(): Promise<void>
  /** Resolves when the sentinels have made the replica the master. */
  failedOver(): Promise<void>
  stop(): Promise<void>
}

const NAME = 'audit'
const SENTINELS = 3

export async function startRedisSentinel(): Promise<RedisSentinel> {
  const master = await startRedisServer({ appendonly: true })
  const replica = await startRedisServer({
    appendonly: true,
    args: ['--replicaof', '127.0.0.1', String(master.port), '--repl-diskless-sync-delay', '0'],
  })
  const sentinels: { port: number; process: SpawnedProcess; directory: string }[] = []
  const stop = async () => {
    await Promise.all(sentinels.map(({ process }) => process.running && process.kill()))
    for (const { directory } of sentinels) removeDirectory(directory)
    await Promise.all([master.stop(), replica.stop()])
  }
  try {
    await askedOf(replica, (redis) =>
      waitFor(async () => String(await redis.info('replication')).includes('master_link_status:up'), {
        what: 'the replica to follow the master',
        timeoutMs: 30_000,
      }),
    )
    for (let i = 0; i < SENTINELS; i += 1) sentinels.push(await startSentinel(master.port))
    await Promise.all(sentinels.map(({ port }) => untilWatching(port)))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    master,
    replica,
    options: { sentinels: sentinels.map(({ port }) => ({ host: '127.0.0.1', port })), name: NAME },
    replicated: () =>
      askedOf(master, async (redis) => {
        // WAIT is about this connection's own writes, so it makes one.
        await redis.set('replicated', Date.now())
        await waitFor(async () => (await redis.wait(1, 1_000)) === 1, { what: 'replication', timeoutMs: 30_000 })
        await redis.del('replicated')
      }),
    failedOver: () =>
      askedOf(replica, async (redis) => {
        await waitFor(async () => String(await redis.info('replication')).includes('role:master'), {
          what: 'the failover',
          timeoutMs: 60_000,
        })
      }),
    stop,
  }
}

async function startSentinel(masterPort: number) {
  const port = await freePort()
  const directory = temporaryDirectory('sentinel')
  const file = join(directory, 'sentinel.conf')
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${directory}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${NAME} 1500`,
    `sentinel failover-timeout ${NAME} 6000`,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  const process = spawnProcess('redis-server', [file, '--sentinel'], { cwd: directory, directory })
  return { port, process, directory }
}

/** A failover needs a sentinel that knows the replica and a majority of the other sentinels. */
async function untilWatching(port: number): Promise<void> {
  const redis = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null })
  redis.on('error', () => undefined)
  try {
    await waitFor(
      async () => {
        const reply = (await redis.call('SENTINEL', 'MASTER', NAME)) as string[]
        const field = (name: string) => reply[reply.indexOf(name) + 1]
        return field('num-slaves') === '1' && field('num-other-sentinels') === String(SENTINELS - 1)
      },
      { what: 'the sentinel to know all the others', timeoutMs: 60_000, intervalMs: 100 },
    )
  } finally {
    redis.disconnect()
  }
}

async function askedOf<T>(server: RedisServer, ask: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(server.url)
  redis.on('error', () => undefined)
  try {
    return await ask(redis)
  } finally {
    redis.disconnect()
  }
}
