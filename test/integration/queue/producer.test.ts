import { connect, createServer, type Server, type Socket } from 'node:net'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadSettings } from '../../../config/settings'
import { createQueue } from '../../../src/queue/producer'
import type { EventQueue } from '../../../src/queue/queue'
import { type KeptLogger, keptLogger } from '../../support/kept-logger'
import { monitorRedis } from '../../support/redis-monitor'
import { type RedisServer, startRedisServer } from '../../support/redis-server'
import { waitFor } from '../../support/wait-for'

const PENDING = '{audit-logger}:pending'
let server: RedisServer
let redis: Redis
let logger: KeptLogger
let queue: EventQueue

beforeEach(async () => {
  server = await startRedisServer({ appendonly: true, args: ['--appendfsync', 'always'] })
  redis = new Redis(server.url, { maxRetriesPerRequest: null })
  redis.on('error', () => undefined)
  logger = keptLogger()
  queue = createQueue(loadSettings({ redis: server.url, logger }, {}))
})
afterEach(async () => {
  await queue.close()
  redis.disconnect()
  await server.stop()
})

const list = () => redis.lrange(PENDING, 0, -1)
const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `e${from + i}`)

async function commandsDuring(act: () => Promise<void>): Promise<readonly string[][]> {
  const { commands, close } = await monitorRedis(server.port)
  await act()
  await redis.get('the end')
  await waitFor(() => commands.some(([, key]) => key === 'the end'), { what: 'the monitor to catch up' })
  close()
  return commands
}

describe('pushing', () => {
  it('appends everything of one turn of the event loop with one RPUSH, in order', async () => {
    queue.push(['warm up'])
    await queue.flush()
    const commands = await commandsDuring(async () => {
      queue.push(['a', 'b'])
      await Promise.resolve()
      queue.push(['c'])
      await queue.flush()
    })
    const pushes = commands.filter(([name]) => name?.toLowerCase() === 'rpush')
    expect(pushes).toEqual([[expect.anything(), PENDING, 'a', 'b', 'c']])
    expect(await list()).toEqual(['warm up', 'a', 'b', 'c'])
  })

  it('sends no request with more arguments than managed Redis takes', async () => {
    queue.push(['warm up'])
    await queue.flush()
    const commands = await commandsDuring(async () => {
      queue.push(numbered(0, 2_500))
      await queue.flush()
    })
    const pushes = commands.filter(([name]) => name?.toLowerCase() === 'rpush')
    expect(pushes.map((args) => args.length - 2)).toEqual([1_000, 1_000, 500])
    expect(await list()).toEqual(['warm up', ...numbered(0, 2_500)])
  })

  it('makes no connection before the first event', async () => {
    const clients = async () =>
      String(await redis.client('LIST'))
        .trim()
        .split('\n').length
    expect(await clients()).toBe(1)
    queue.push(['a'])
    await queue.flush()
    expect(await clients()).toBe(2)
  })

  it('flush() ends when what came before it has arrived, though more keeps coming', async () => {
    let coming = true
    const more = () => {
      queue.push(['later'])
      if (coming) setImmediate(more)
    }
    queue.push(['before'])
    more()
    await queue.flush()
    coming = false
    expect(await list()).toContain('before')
  })
})

describe('when Redis fails', () => {
  it('the caller notices nothing and everything arrives once, in order, after a restart', async () => {
    queue.push(numbered(0, 10))
    await queue.flush()
    await server.kill()
    for (let i = 10; i < 3_000; i += 10) queue.push(numbered(i, i + 10))
    await waitFor(() => logger.entries.some(({ fields }) => fields.code === 'AUDIT_PUSH_DELAYED'), {
      what: 'the report',
    })
    await server.restart()
    await queue.flush()
    expect(await list()).toEqual(numbered(0, 3_000))
  })

  it('nothing is pushed twice when only the reply was lost', async () => {
    const proxy = await lossyProxy(server.port)
    const proxied = createQueue(loadSettings({ redis: `redis://127.0.0.1:${proxy.port}`, logger }, {}))
    proxied.push(['first'])
    await proxied.flush()
    proxy.loseNextReply()
    proxied.push(['second'])
    await proxied.flush()
    proxied.push(['third'])
    await proxied.flush()
    expect(proxy.lost).toBe(1)
    expect(await list()).toEqual(['first', 'second', 'third'])
    await proxied.close()
    await proxy.close()
  })

  it('waits while Redis refuses writes, and goes on when it takes them', async () => {
    await redis.config('SET', 'maxmemory', '1')
    queue.push(['a'])
    await waitFor(() => logger.entries.some(({ message }) => message.includes('OOM')), { what: 'the refusal' })
    expect(await redis.exists(PENDING)).toBe(0)
    await redis.config('SET', 'maxmemory', '0')
    await queue.flush()
    expect(await list()).toEqual(['a'])
  })

  it('holds no more than the bound, drops the newest, and counts and says it', async () => {
    const { bufferEvents } = loadSettings({}, {})
    await server.kill()
    queue.push(numbered(0, bufferEvents + 5))
    const said = logger.entries.filter(({ fields }) => fields.code === 'AUDIT_BUFFER_FULL')
    expect(said).toHaveLength(1)
    expect(queue.counts).toMatchObject({ accepted: bufferEvents, waiting: bufferEvents, dropped: 5, pushed: 0 })
    await server.restart()
    await queue.flush()
    expect(await redis.lindex(PENDING, bufferEvents - 1)).toBe(`e${bufferEvents - 1}`)
    const told = await waitFor(() => redis.lindex(PENDING, bufferEvents), { what: 'the event that tells of them' })
    expect(JSON.parse(told)).toMatchObject({ action: 'AUDIT_EVENTS_DROPPED', content: { count: 5 } })
    await queue.flush()
    expect(await redis.llen(PENDING)).toBe(bufferEvents + 1)
    expect(queue.counts).toMatchObject({ accepted: bufferEvents + 1, pushed: bufferEvents + 1, waiting: 0 })
  })

  it('close() ends within its bound and says how many events are lost', async () => {
    await server.kill()
    queue.push(['a', 'b'])
    await queue.close()
    expect(logger.entries).toContainEqual(
      expect.objectContaining({ fields: expect.objectContaining({ code: 'AUDIT_CLOSE_INCOMPLETE', count: 2 }) }),
    )
    await server.restart()
  })
})

describe('after close()', () => {
  it('everything from before is on the list, and what comes later is counted and said', async () => {
    queue.push(['a'])
    await queue.close()
    queue.push(['too late'])
    expect(await list()).toEqual(['a'])
    expect(logger.entries.map(({ fields }) => fields.code)).toContain('AUDIT_CLOSED')
  })
})

/** A TCP proxy that can lose one reply: it passes the request on, and cuts the connection instead of answering. */
async function lossyProxy(target: number) {
  let losing = false
  let lost = 0
  const sockets = new Set<Socket>()
  const proxy: Server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    }
    client.on('data', (data) => upstream.write(data))
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    upstream.on('data', (data) => {
      if (!losing) {
        client.write(data)
        return
      }
      losing = false
      lost += 1
      client.destroy()
    })
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return {
    port: (proxy.address() as { port: number }).port,
    get lost() {
      return lost
    },
    loseNextReply() {
      losing = true
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}
