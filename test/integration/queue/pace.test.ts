import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { loadSettings } from '../../../config/settings'
import { createQueue } from '../../../src/queue/producer'
import type { EventQueue } from '../../../src/queue/queue'
import { keptLogger } from '../../support/kept-logger'
import { type RedisServer, startRedisServer } from '../../support/redis-server'

const PENDING = '{audit-logger}:pending'
const PACE_MS = 10
let server: RedisServer
let redis: Redis
let queue: EventQueue

beforeEach(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url)
  queue = createQueue(loadSettings({ redis: server.url, logger: keptLogger() }, {}))
  queue.push(['warm up'])
  await queue.flush()
  await redis.del(PENDING)
})
afterEach(async () => {
  vi.useRealTimers()
  await queue.close()
  redis.disconnect()
  await server.stop()
})

const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `e${from + i}`)
const turn = () => new Promise((resolve) => setImmediate(resolve))

async function pushes(): Promise<number> {
  const info = await redis.info('commandstats')
  return Number(/cmdstat_rpush:calls=(\d+)/.exec(info)?.[1] ?? 0)
}

/** No timer runs out any more: what arrives then did not wait for one. */
const stopTimers = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })

/** Looks as often as it takes; the test's own time limit is the bound, for no timer runs. */
async function untilPending(count: number): Promise<void> {
  while ((await redis.llen(PENDING)) < count) await turn()
}

describe('the pace of pushes', () => {
  it('shares a push among the turns of a busy time, in order, without flush()', async () => {
    const before = await pushes()
    const started = performance.now()
    for (let i = 0; i < 500; i += 1) {
      queue.push([`e${i}`])
      await turn()
    }
    await untilPending(500)
    const most = (performance.now() - started) / PACE_MS + 2
    expect(await redis.lrange(PENDING, 0, -1)).toEqual(numbered(0, 500))
    expect((await pushes()) - before).toBeLessThanOrEqual(most)
  })

  it('lets nobody who calls flush() wait for it', async () => {
    stopTimers()
    for (let i = 0; i < 20; i += 1) {
      queue.push([`e${i}`])
      await queue.flush()
    }
    expect(await redis.lrange(PENDING, 0, -1)).toEqual(numbered(0, 20))
  })

  it('ends a rest that has begun when flush() is called', async () => {
    stopTimers()
    queue.push(['e0'])
    await queue.flush()
    queue.push(['e1'])
    await turn()
    await turn()
    await queue.flush()
    expect(await redis.lrange(PENDING, 0, -1)).toEqual(['e0', 'e1'])
  })

  it('does not make a full push wait', async () => {
    stopTimers()
    queue.push(['e0'])
    await queue.flush()
    queue.push(['e1'])
    await turn()
    await turn()
    queue.push(numbered(2, 1_001))
    await untilPending(1_001)
    expect(await redis.lrange(PENDING, 0, -1)).toEqual(numbered(0, 1_001))
  })

  it('pushes what rests when the queue is closed', async () => {
    queue.push(['e0'])
    await queue.flush()
    queue.push(['e1'])
    await turn()
    await turn()
    await queue.close()
    expect(await redis.lrange(PENDING, 0, -1)).toEqual(['e0', 'e1'])
  })
})
