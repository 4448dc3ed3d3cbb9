import { connect, createServer, type Server, type Socket } from 'node:net'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadSettings } from '../../../config/settings'
import { createQueue } from '../../../src/queue/producer'
import type { EventQueue, QueueCounts } from '../../../src/queue/queue'
import { type KeptLogger, keptLogger } from '../../support/kept-logger'
import { type RedisServer, startRedisServer } from '../../support/redis-server'
import { build } from '../../support/shared'
import { type SpawnedProcess, spawnNode } from '../../support/spawn-process'
import { waitFor } from '../../support/wait-for'

const PENDING = '{audit-logger}:pending'
let server: RedisServer
let redis: Redis
let logger: KeptLogger
let queues: EventQueue[]

beforeEach(async () => {
  server = await startRedisServer({ appendonly: true, args: ['--appendfsync', 'always'] })
  redis = new Redis(server.url, { maxRetriesPerRequest: null })
  redis.on('error', () => undefined)
  logger = keptLogger()
  queues = []
})
afterEach(async () => {
  if (!server.running) await server.restart()
  await Promise.all(queues.map((queue) => queue.close()))
  redis.disconnect()
  await server.stop()
})

function queueAt(url: string): EventQueue {
  const queue = createQueue(loadSettings({ redis: url, logger }, {}))
  queues.push(queue)
  return queue
}

const said = (text: string) => logger.entries.some(({ message }) => message.includes(text))

describe('a failover', () => {
  it('is followed to the new primary, though the old one goes on answering as a replica', async () => {
    const other = await startRedisServer()
    const gate = await gateway(server.port)
    try {
      const queue = queueAt(`redis://127.0.0.1:${gate.port}`)
      queue.push(['before'])
      await queue.flush()
      // The old primary has become a replica; its name leads to the new one now, the open connection still to the old.
      await redis.replicaof('127.0.0.1', other.port)
      gate.target = other.port
      queue.push(['after'])
      await queue.flush()
      expect(said('READONLY')).toBe(true)
      const primary = new Redis(other.url)
      expect(await primary.lrange(PENDING, 0, -1)).toEqual(['after'])
      primary.disconnect()
    } finally {
      await gate.close()
      await other.stop()
    }
  })
})

describe('a Redis', () => {
  it('that refuses every write is asked again with growing pauses until it takes them', async () => {
    await redis.replicaof('127.0.0.1', '1')
    const queue = queueAt(server.url)
    queue.push(['a', 'b'])
    await waitFor(() => said('READONLY'), { what: 'the refusal' })
    await redis.replicaof('NO', 'ONE')
    await queue.flush()
    expect(await redis.lrange(PENDING, 0, -1)).toEqual(['a', 'b'])
  })

  it('that was flushed takes what comes after, and what was under way once', async () => {
    const queue = queueAt(server.url)
    queue.push(['gone with the data'])
    await queue.flush()
    await redis.flushall()
    queue.push(['a'])
    await queue.flush()
    server.pause()
    queue.push(['b'])
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    queue.push(['c'])
    server.resume()
    await queue.flush()
    expect(await redis.lrange(PENDING, 0, -1)).toEqual(['a', 'b', 'c'])
  })

  it('that does not answer costs the caller nothing, and what was pushed meanwhile arrives once', async () => {
    const queue = queueAt(server.url)
    queue.push(['before'])
    await queue.flush()
    server.pause()
    const began = process.cpuUsage()
    for (let n = 0; n < 1_000; n += 1) queue.push([`e${n}`])
    const { user, system } = process.cpuUsage(began)
    // A thousand calls: far below the time of one round trip each.
    expect((user + system) / 1_000).toBeLessThan(500)
    expect(queue.counts).toMatchObject({ accepted: 1_001, waiting: 1_000, retried: 0 })
    server.resume()
    await queue.flush()
    expect(await redis.lrange(PENDING, 1, -1)).toEqual(Array.from({ length: 1_000 }, (_, n) => `e${n}`))
  })
})

describe('a long outage', () => {
  let child: SpawnedProcess | undefined
  afterEach(() => child?.running && child.kill())

  async function ask(process: SpawnedProcess): Promise<QueueCounts & { cpuMs: number; heapMb: number }> {
    const before = process.stdout.length
    process.signal('SIGUSR2')
    return JSON.parse(await waitFor(() => process.stdout[before], { what: 'the counts' }))
  }

  it('costs bounded memory and hardly any work', async () => {
    await build()
    await server.kill()
    const settings = { redis: server.url, bufferBytes: 8 * 1024 * 1024 }
    const run = { settings, name: 'a', count: 200_000, each: 1_000, bytes: 600 }
    child = spawnNode('test/support/programs/queue.mjs', [JSON.stringify(run)])
    await child.waitForLine(/"what":"ready"/)
    const first = await ask(child)
    expect(first.accepted).toBeLessThan(8_000)
    expect(first.accepted + first.dropped).toBe(200_000)
    expect(first.heapMb).toBeLessThan(100)
    // Some seconds of doing nothing but waiting, measured by the attempts themselves.
    const last = await waitFor(
      async () => {
        const now = await ask(child as SpawnedProcess)
        return now.retried >= first.retried + 5 && now
      },
      { what: 'five more attempts', timeoutMs: 60_000, intervalMs: 500 },
    )
    expect(last.retried).toBeLessThan(first.retried + 10)
    expect(last.cpuMs - first.cpuMs).toBeLessThan(1_500)
    expect(last.waiting).toBe(first.waiting)
    await server.restart()
    await waitFor(async () => (await redis.llen(PENDING)) === last.accepted + 1, { what: 'all to arrive' })
  })
})

/** A TCP proxy whose open connections stay where they are when new ones are led elsewhere: a DNS name of a primary. */
async function gateway(port: number) {
  const sockets = new Set<Socket>()
  const state = { target: port }
  const proxy: Server = createServer((client) => {
    const upstream = connect(state.target, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    }
    client.pipe(upstream)
    upstream.pipe(client)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return Object.assign(state, {
    port: (proxy.address() as { port: number }).port,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => proxy.close(resolve))
    },
  })
}
