import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { queueKeys } from '../../../src/queue/keys'
import { type Lease, PendingList } from '../../../src/queue/pending-list'
import { textsOf } from '../../support/events'
import { type RedisServer, startRedisServer } from '../../support/redis-server'
import { waitFor } from '../../support/wait-for'

const keys = queueKeys('audit-logger')
let server: RedisServer
let redis: Redis

beforeAll(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url)
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})
beforeEach(() => redis.flushall())

const listOf = (leaseMs = 10_000) => new PendingList(redis, keys, leaseMs)

async function held(list: PendingList, owner: string): Promise<Lease> {
  const lease = await list.acquire(owner)
  if ('heldBy' in lease) throw new Error(`held by ${lease.heldBy}`)
  return lease
}

function heldAfterExpiry(owner: string): Promise<Lease> {
  return waitFor(() => held(listOf(), owner), { what: 'the lease to run out' })
}

const ALL = { position: 0, count: 100, bytes: 1_000_000, perEvent: 26 }

describe('the lease', () => {
  it('is refused while another owner lives, and says who and for how long', async () => {
    const list = listOf()
    await held(list, 'a')
    const refused = await list.acquire('b')
    expect(refused).toMatchObject({ heldBy: 'a' })
    expect((refused as { remainingMs: number }).remainingMs).toBeGreaterThan(8_000)
  })

  it('passes to another owner when it runs out, with a greater token', async () => {
    const first = await held(listOf(30), 'a')
    const second = await heldAfterExpiry('b')
    expect(second.token).toBe(first.token + 1)
  })

  it('is free at once when it was released, and its token survives', async () => {
    const first = await held(listOf(), 'a')
    await listOf().release(first)
    expect((await held(listOf(), 'b')).token).toBe(first.token + 1)
    expect(await redis.ttl(keys.lease)).toBe(-1)
  })

  it('a worker that slept through its lease can change nothing', async () => {
    await redis.rpush(keys.pending, 'e1', 'e2')
    const late = await held(listOf(1), 'a')
    const heir = await heldAfterExpiry('b')
    const list = listOf()
    for (const attempt of [
      () => list.peek(late, ALL),
      () => list.mark(late, 2),
      () => list.settle(late, 0, 2),
      () => list.readmit(late, 10),
      () => list.unmark(late, 2, 0),
      () => list.resume(late, 's'),
      () => list.trip(late, 's', { failures: 1, pauseMs: 60_000, afterMs: 60_000 }),
      () => list.heal(late),
      () => list.stamp(late, 2, 1_000),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'AUDIT_LEASE_LOST' })
    }
    await list.release(late)
    expect(await redis.lrange(keys.pending, 0, -1)).toEqual(['e1', 'e2'])
    expect(await redis.hmget(keys.lease, 'owner', 'token')).toEqual(['b', String(heir.token)])
    expect(await redis.hmget(keys.lease, 'failures', 'openUntil', 'lateTo')).toEqual([null, null, null])
  })

  it('is renewed by peek, mark and settle', async () => {
    await redis.rpush(keys.pending, 'e1')
    const list = listOf(50_000)
    const lease = await held(list, 'a')
    for (const renew of [() => list.peek(lease, ALL), () => list.mark(lease, 1), () => list.settle(lease, 0, 1)]) {
      await redis.hset(keys.lease, 'expiry', 1)
      await renew()
      expect(Number(await redis.hget(keys.lease, 'expiry'))).toBeGreaterThan(Date.now() + 40_000)
    }
  })
})

describe('peek', () => {
  it('reads from a position and leaves the list as it is', async () => {
    await redis.rpush(keys.pending, 'a', 'b', 'c')
    const list = listOf()
    const lease = await held(list, 'w')
    const { base, length, elements } = await list.peek(lease, { ...ALL, position: 1 })
    expect({ base, length, texts: textsOf(elements) }).toEqual({ base: 0, length: 3, texts: ['b', 'c'] })
    expect(await redis.llen(keys.pending)).toBe(3)
  })

  it('stops at the count', async () => {
    await redis.rpush(keys.pending, ...Array.from({ length: 700 }, (_, i) => `e${i}`))
    const list = listOf()
    const lease = await held(list, 'w')
    const { elements } = await list.peek(lease, { ...ALL, count: 600 })
    expect(textsOf(elements)).toEqual(Array.from({ length: 600 }, (_, i) => `e${i}`))
  })

  it('stops at the bytes, counted as UTF-8 with the overhead of each event', async () => {
    await redis.rpush(keys.pending, 'é'.repeat(10), 'é'.repeat(10), 'é'.repeat(10))
    const list = listOf()
    const lease = await held(list, 'w')
    expect((await list.peek(lease, { ...ALL, bytes: 92 })).elements.count).toBe(2)
    expect((await list.peek(lease, { ...ALL, bytes: 91 })).elements.count).toBe(1)
  })

  it('returns one event however large it is', async () => {
    await redis.rpush(keys.pending, 'x'.repeat(5_000), 'y')
    const list = listOf()
    const lease = await held(list, 'w')
    expect(textsOf((await list.peek(lease, { ...ALL, bytes: 100 })).elements)).toEqual(['x'.repeat(5_000)])
  })
})

describe('peek and elements that are no text', () => {
  it('says which of them are no UTF-8, and takes a character of replacement for what it is', async () => {
    await redis.rpush(keys.pending, 'a\ufffd', Buffer.from([0x61, 0xff]), Buffer.from([0xf0, 0x9f, 0x98]), 'é')
    const list = listOf()
    const lease = await held(list, 'w')
    const { elements } = await list.peek(lease, ALL)
    expect(textsOf(elements)).toEqual(['a\ufffd', 'a\ufffd', '\ufffd', 'é'])
    expect([0, 1, 2, 3].map((i) => elements.isUtf8(i))).toEqual([true, false, false, true])
  })

  it('returns giants one by one, and copies few of them', async () => {
    const giant = 'x'.repeat(3_000_000)
    await redis.rpush(keys.pending, 'a', giant, giant, 'b')
    const list = listOf()
    const lease = await held(list, 'w')
    const sizes: number[][] = []
    for (let position = 0; position < 4; ) {
      const { elements } = await list.peek(lease, { ...ALL, position })
      sizes.push(textsOf(elements).map((text) => text.length))
      position += elements.count
    }
    expect(sizes).toEqual([[1], [3_000_000], [3_000_000], [1]])
  })
})

describe('mark', () => {
  it('tells the next owner which events may be stored', async () => {
    await redis.rpush(keys.pending, 'a', 'b', 'c')
    const list = listOf()
    const first = await held(list, 'a')
    await list.mark(first, 2)
    await list.renew(first)
    await list.release(first)
    expect(await held(list, 'b')).toMatchObject({ base: 0, sent: 2 })
  })
})

describe('unmark', () => {
  it('takes a mark back, but never behind the head, and not when more was marked since', async () => {
    await redis.rpush(keys.pending, 'a', 'b', 'c', 'd')
    const list = listOf()
    const lease = await held(list, 'w')
    await list.mark(lease, 3)
    await list.unmark(lease, 3, 1)
    expect(await redis.hget(keys.lease, 'sent')).toBe('1')
    await list.mark(lease, 4)
    await list.unmark(lease, 3, 1)
    expect(await redis.hget(keys.lease, 'sent')).toBe('4')
    await list.settle(lease, 0, 2)
    await list.unmark(lease, 4, 1)
    expect(await redis.hget(keys.lease, 'sent')).toBe('2')
  })
})

describe('stamp', () => {
  it('keeps the earliest time until all that it was for has left the list', async () => {
    await redis.rpush(keys.pending, 'a', 'b', 'c', 'd')
    const list = listOf()
    const lease = await held(list, 'w')
    expect((await list.resume(lease, 's')).lateSince).toBeUndefined()
    await list.stamp(lease, 2, 5_000)
    await list.stamp(lease, 3, 6_000)
    expect((await list.resume(lease, 's')).lateSince).toBe(5_000)
    await list.settle(lease, 0, 2)
    expect((await list.resume(lease, 's')).lateSince).toBe(5_000)
    await list.settle(lease, 2, 1)
    expect((await list.resume(lease, 's')).lateSince).toBeUndefined()
    await list.stamp(lease, 4, 7_000)
    expect((await list.resume(lease, 's')).lateSince).toBe(7_000)
  })
})

describe('the breaker', () => {
  it('opens at the given number of failures in a row, or when a time is named, and heals', async () => {
    const list = listOf()
    const lease = await held(list, 'w')
    const failure = { failures: 2, pauseMs: 50_000, afterMs: 0 }
    expect(await list.trip(lease, 's', failure)).toEqual({ failures: 1, openForMs: 0 })
    expect(await list.trip(lease, 's', failure)).toMatchObject({ failures: 2, openForMs: expect.closeTo(50_000, -3) })
    expect((await list.resume(lease, 's')).openForMs).toBeGreaterThan(40_000)
    expect(await list.resume(lease, 'another')).toMatchObject({ failures: 0, openForMs: 0 })
    await list.heal(lease)
    expect(await list.resume(lease, 's')).toMatchObject({ failures: 0, openForMs: 0 })
    const asked = await list.trip(lease, 's', { ...failure, afterMs: 90_000 })
    expect(asked).toMatchObject({ failures: 1, openForMs: expect.closeTo(90_000, -3) })
  })
})

describe('settle', () => {
  it('trims what is stored and moves the rest, in one step', async () => {
    await redis.rpush(keys.pending, 'stored', 'dead\u0001é', 'early', 'next')
    const list = listOf()
    const lease = await held(list, 'w')
    await list.settle(lease, 0, 3, [
      { index: 1, to: 'dead', header: '{"reason":"refused"}' },
      { index: 2, to: 'deferred', dueMs: 4_000_000_000_000 },
    ])
    expect(await redis.lrange(keys.pending, 0, -1)).toEqual(['next'])
    expect(await redis.lrange(keys.dead, 0, -1)).toEqual(['{"reason":"refused"}\ndead\u0001é'])
    expect(await redis.zrange(keys.deferred, 0, -1, 'WITHSCORES')).toEqual(['2\nearly', '4000000000000'])
    expect(await redis.hgetall(keys.stats)).toMatchObject({ stored: '1', dead: '1', deferred: '1', batches: '1' })
    expect(await redis.hmget(keys.lease, 'base', 'sent')).toEqual(['3', '3'])
  })

  it('changes nothing when it is repeated after a lost reply', async () => {
    await redis.rpush(keys.pending, 'a', 'b', 'c', 'd')
    const list = listOf()
    const lease = await held(list, 'w')
    const moves = [{ index: 0, to: 'dead', header: '{}' } as const]
    await list.settle(lease, 0, 2, moves)
    await list.settle(lease, 0, 2, moves)
    expect(await redis.lrange(keys.pending, 0, -1)).toEqual(['c', 'd'])
    expect(await redis.llen(keys.dead)).toBe(1)
    expect(await redis.hgetall(keys.stats)).toMatchObject({ stored: '1', dead: '1', batches: '1' })
  })

  it('keeps two equal elements apart when both are deferred', async () => {
    await redis.rpush(keys.pending, 'same', 'same')
    const list = listOf()
    const lease = await held(list, 'w')
    await list.settle(lease, 0, 2, [
      { index: 0, to: 'deferred', dueMs: 5 },
      { index: 1, to: 'deferred', dueMs: 5 },
    ])
    expect(await redis.zcard(keys.deferred)).toBe(2)
    expect(await list.readmit(lease, 10)).toBe(2)
    expect(await redis.lrange(keys.pending, 0, -1)).toEqual(['same', 'same'])
  })

  it('moves thousands of events in steps that managed Redis accepts, keeping the books right', async () => {
    const lines = Array.from({ length: 3_500 }, (_, i) => `e${i}`)
    await redis.rpush(keys.pending, ...lines)
    const list = listOf()
    const lease = await held(list, 'w')
    const moves = lines.slice(0, 3_000).map((_, index) => ({ index, to: 'dead', header: `{"n":${index}}` }) as const)
    await list.settle(lease, 0, 3_200, moves)
    expect(await redis.lrange(keys.pending, 0, -1)).toEqual(lines.slice(3_200))
    const dead = await redis.lrange(keys.dead, 0, -1)
    expect(dead).toEqual(lines.slice(0, 3_000).map((line, i) => `{"n":${i}}\n${line}`))
    expect(await redis.hgetall(keys.stats)).toMatchObject({ stored: '200', dead: '3000', batches: '1' })
  })
})

describe('readmit', () => {
  it('puts back only what is due', async () => {
    await redis.zadd(keys.deferred, 1, '0\ndue', Date.now() + 60_000, '1\nnot yet')
    const list = listOf()
    const lease = await held(list, 'w')
    expect(await list.readmit(lease, 10)).toBe(1)
    expect(await redis.lrange(keys.pending, 0, -1)).toEqual(['due'])
    expect(await redis.zrange(keys.deferred, 0, -1)).toEqual(['1\nnot yet'])
  })
})

it('the scripts are sent again when Redis has forgotten them', async () => {
  const list = listOf()
  const lease = await held(list, 'w')
  await redis.script('FLUSH')
  await expect(list.renew(lease)).resolves.toBeUndefined()
})
