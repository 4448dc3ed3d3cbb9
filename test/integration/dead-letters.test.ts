import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { queueKeys } from '../../src/queue/keys'
import { type DeadLetterFilter, deadLetters, purgeDeadLetters, replayDeadLetters } from '../../worker/dead-letters'
import { eventLine, idOf } from '../support/events'
import { type RedisServer, startRedisServer } from '../support/redis-server'
import { waitFor } from '../support/wait-for'

const keys = queueKeys('audit-logger')
const T0 = Date.UTC(2026, 10, 20)
let server: RedisServer
let redis: Redis

beforeAll(async () => {
  server = await startRedisServer({ appendonly: true })
  redis = new Redis(server.url)
  redis.on('error', () => undefined)
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})
beforeEach(async () => {
  await redis.flushall()
})

const letter = (event: string, reason = 'refused', minute = 0) =>
  `${JSON.stringify({ at: new Date(T0 + minute * 60_000).toISOString(), reason, detail: 'why' })}\n${event}`

async function put(...letters: (string | Buffer)[]): Promise<void> {
  for (let i = 0; i < letters.length; i += 1_000) await redis.rpush(keys.dead, ...letters.slice(i, i + 1_000))
}

async function list(filter?: DeadLetterFilter) {
  const found = []
  for await (const one of deadLetters(redis, keys, filter)) found.push(one)
  return found
}

const pending = () => redis.lrange(keys.pending, 0, -1)
const eventOf = (stored: string) => stored.slice(stored.indexOf('\n') + 1)
const leftover = async () => (await redis.lrange(keys.dead, 0, -1)).map(eventOf)

describe('the list of dead letters', () => {
  it('is filtered by reason, by the time they became one, and by id', async () => {
    const events = Array.from({ length: 5 }, () => eventLine())
    await put(...events.map((event, i) => letter(event, i % 2 === 0 ? 'refused' : 'too_old', i)))
    const eventsOf = async (filter: DeadLetterFilter) => (await list(filter)).map(({ event }) => events.indexOf(event))
    expect(await eventsOf({})).toEqual([0, 1, 2, 3, 4])
    expect(await eventsOf({ reasons: ['too_old'] })).toEqual([1, 3])
    expect(await eventsOf({ reasons: ['too_old', 'refused'] })).toEqual([0, 1, 2, 3, 4])
    expect(await eventsOf({ reasons: ['none such'] })).toEqual([])
    expect(await eventsOf({ since: T0 + 60_000, until: T0 + 180_000 })).toEqual([1, 2])
    expect(await eventsOf({ reasons: ['refused'], limit: 2 })).toEqual([0, 2])
    expect(await eventsOf({ id: idOf(events[3] as string) })).toEqual([3])
  })

  it('shows whatever stands on it, each with an id to ask for it by', async () => {
    const hostile = [
      '',
      '\n',
      'no header',
      '{}\nx',
      '[1]\n{"id":5}',
      `not json\n${eventLine()}`,
      '\u0000taken',
      'null\nnull',
    ]
    await put(...hostile, Buffer.from([0x7b, 0x7d, 0x0a, 0xff, 0xfe, 0x00]))
    const found = await list()
    expect(found).toHaveLength(hostile.length + 1)
    for (const { id, reason } of found) expect([id.length > 0, reason]).toEqual([true, 'unknown'])
    expect(await list({ id: found[3]?.id as string })).toEqual([found[3]])
    expect(await list({ since: 0 })).toEqual([])
  })

  it('holds one page in memory, not the list', async () => {
    await put(...Array.from({ length: 30 }, (_, i) => letter(eventLine({ bytes: 1_000_000 }), 'refused', i)))
    const commands: number[] = []
    const counted = new Proxy(redis, {
      get(target, name) {
        if (name !== 'evalsha' && name !== 'eval') return Reflect.get(target, name, target) as unknown
        return async (...args: unknown[]) => {
          const reply = (await Reflect.apply(Reflect.get(target, name) as never, target, args)) as string[]
          commands.push(reply.slice(1).reduce((sum, text) => sum + text.length, 0))
          return reply
        }
      },
    })
    let n = 0
    for await (const _one of deadLetters(counted, keys)) n += 1
    expect(n).toBe(30)
    expect(Math.max(...commands)).toBeLessThan(2 * 1_048_576)
  })
})

describe('a replay', () => {
  it('moves exactly those that pass, byte for byte and in order', async () => {
    const events = Array.from({ length: 3_000 }, () => eventLine())
    await put(...events.map((event, i) => letter(event, i % 3 === 0 ? 'too_old' : 'refused', i)))
    await redis.rpush(keys.pending, 'first')
    expect(await replayDeadLetters(redis, keys, { reasons: ['too_old'] })).toBe(1_000)
    expect(await pending()).toEqual(['first', ...events.filter((_, i) => i % 3 === 0)])
    expect(await leftover()).toEqual(events.filter((_, i) => i % 3 !== 0))
    expect(await redis.hget(keys.stats, 'replayed')).toBe('1000')
  })

  it('moves the oldest that many with a limit, and all without a filter', async () => {
    const events = Array.from({ length: 1_203 }, () => eventLine())
    await put(...events.map((event) => letter(event)))
    expect(await replayDeadLetters(redis, keys, { limit: 700 })).toBe(700)
    expect(await pending()).toEqual(events.slice(0, 700))
    expect(await replayDeadLetters(redis, keys)).toBe(503)
    expect(await pending()).toEqual(events)
    expect(await redis.exists(keys.dead)).toBe(0)
    expect(await replayDeadLetters(redis, keys)).toBe(0)
  })

  it('gives back elements that are no UTF-8, and equal ones as often as they were', async () => {
    const bytes = Buffer.from([0xff, 0x00, 0x0a, 0xfe])
    const header = Buffer.from(letter(''))
    await put(Buffer.concat([header, bytes]), letter('same'), letter('same'), 'without a line feed')
    expect(await replayDeadLetters(redis, keys)).toBe(4)
    expect(await redis.lrangeBuffer(keys.pending, 0, 0)).toEqual([bytes])
    expect(await redis.lrange(keys.pending, 1, -1)).toEqual(['same', 'same', 'without a line feed'])
  })

  it('passes over large letters that stay, one page each', async () => {
    const large = Array.from({ length: 6 }, () => eventLine({ bytes: 1_200_000 }))
    const small = Array.from({ length: 6 }, () => eventLine())
    await put(...large.flatMap((event, i) => [letter(event, 'not_an_event'), letter(small[i] as string, 'too_old')]))
    expect(await replayDeadLetters(redis, keys, { reasons: ['too_old'] })).toBe(6)
    expect(await pending()).toEqual(small)
    expect(await leftover()).toEqual(large)
  })

  it('does not take again what comes back meanwhile', async () => {
    await put(...Array.from({ length: 1_200 }, (_, i) => letter(`poison ${i}`, 'not_an_event')))
    const other = redis.duplicate()
    let ended = false
    const worker = (async () => {
      while (!ended) {
        const back = await other.lpop(keys.pending)
        if (back !== null) await other.rpush(keys.dead, letter(back, 'not_an_event'))
      }
    })()
    expect(await replayDeadLetters(redis, keys)).toBe(1_200)
    ended = true
    await worker
    other.disconnect()
    const all = [...(await pending()), ...(await leftover())]
    expect(all).toHaveLength(1_200)
    expect(new Set(all).size).toBe(1_200)
  })

  it.each([
    ['a purge of others', async () => void (await purgeDeadLetters(redis, keys, { reasons: ['refused'] }))],
    ['another replay', async () => void (await replayDeadLetters(redis, keys, { reasons: ['too_old'] }))],
  ])('at the same time as %s loses and doubles nothing', async (_name, other) => {
    const events = Array.from({ length: 4_000 }, () => eventLine())
    await put(...events.map((event, i) => letter(event, i % 2 === 0 ? 'too_old' : i % 3 === 0 ? 'expired' : 'refused')))
    await Promise.all([replayDeadLetters(redis, keys, { reasons: ['too_old'] }), other()])
    const replayed = await pending()
    expect([...replayed].sort()).toEqual(events.filter((_, i) => i % 2 === 0).sort())
    expect(new Set(replayed).size).toBe(2_000)
    expect(
      (await leftover()).filter((event) => events.indexOf(event) % 2 !== 0 && events.indexOf(event) % 3 === 0),
    ).toEqual(events.filter((_, i) => i % 2 !== 0 && i % 3 === 0))
  })

  it('cut short by the end of Redis has moved whole letters only, and goes on afterwards', async () => {
    const events = Array.from({ length: 20_000 }, () => eventLine())
    await put(...events.map((event, i) => letter(event, i % 2 === 0 ? 'too_old' : 'refused')))
    const command = new Redis(server.url, { maxRetriesPerRequest: 0, retryStrategy: () => null })
    command.on('error', () => undefined)
    const replay = replayDeadLetters(command, keys, { reasons: ['too_old'] }).catch((error: unknown) => error)
    await waitFor(async () => (await redis.llen(keys.pending)) > 0, { what: 'the first letters', intervalMs: 1 })
    await server.kill('SIGKILL')
    await replay
    await server.restart()
    await waitFor(() => redis.status === 'ready', { what: 'the connection' })
    const before = [...(await pending()), ...(await leftover())]
    expect([...before].sort()).toEqual([...events].sort())
    await replayDeadLetters(redis, keys, { reasons: ['too_old'] })
    expect(await pending()).toEqual(events.filter((_, i) => i % 2 === 0))
    expect(await leftover()).toEqual(events.filter((_, i) => i % 2 !== 0))
  })

  it('is refused whole by a Redis that is full', async () => {
    await put(letter('a'), letter('b'))
    await redis.config('SET', 'maxmemory', '1')
    await expect(replayDeadLetters(redis, keys)).rejects.toThrow('OOM')
    await redis.config('SET', 'maxmemory', '0')
    expect(await leftover()).toEqual(['a', 'b'])
    expect(await pending()).toEqual([])
  })
})

describe('a purge', () => {
  it('deletes exactly those that pass, and counts them, so that the books still add up', async () => {
    const events = Array.from({ length: 2_000 }, () => eventLine())
    await put(...events.map((event, i) => letter(event, 'refused', i)))
    expect(await purgeDeadLetters(redis, keys, { until: T0 + 1_500 * 60_000, limit: 1_400 })).toBe(1_400)
    expect(await leftover()).toEqual(events.slice(1_400))
    expect(await purgeDeadLetters(redis, keys)).toBe(600)
    expect(await redis.hget(keys.stats, 'purged')).toBe('2000')
    expect(await pending()).toEqual([])
  })

  it('makes room in a Redis that is full', async () => {
    await put(letter('a'), letter('b', 'expired'), letter('c'))
    await redis.config('SET', 'maxmemory', '1')
    expect(await purgeDeadLetters(redis, keys, { reasons: ['refused'] })).toBe(2)
    await redis.config('SET', 'maxmemory', '0')
    expect(await leftover()).toEqual(['b'])
  })
})
