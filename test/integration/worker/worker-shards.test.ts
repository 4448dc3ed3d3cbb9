import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startCloudWatch } from '../../../local/cloudwatch'
import { everyKeys, type QueueKeys, queueKeys, shardKeys } from '../../../src/queue/keys'
import { shardOf } from '../../../src/queue/shard'
import { type Backend, startBackend } from '../../support/backend'
import { eventLine, idOf } from '../../support/events'
import { rowLine, TestFleet } from '../../support/fleet'
import { GROUP, STREAM } from '../../support/processes'
import { waitFor } from '../../support/wait-for'

const prefix = 'audit-logger'
let backend: Backend
let server: Backend['server']
let redis: Backend['redis']
let endpoint: Backend['endpoint']
let fleet: TestFleet

beforeEach(async () => {
  backend = await startBackend({ appendonly: true })
  ;({ server, redis, endpoint } = backend)
  fleet = new TestFleet(server.url, endpoint)
})
afterEach(async () => {
  await fleet.close()
  await backend.stop()
})

const stored = () => endpoint.events(GROUP, STREAM).map(({ message }) => message)
const untilStored = (count: number, timeoutMs = 30_000) =>
  waitFor(() => stored().length >= count, { what: `${count} stored events`, timeoutMs })

async function push(lines: readonly string[], shards: number): Promise<void> {
  const keys = shardKeys({ prefix, shards })
  const pipeline = redis.pipeline()
  for (const line of lines) pipeline.rpush((keys[shardOf(line, shards)] as QueueKeys).pending, line)
  await pipeline.exec()
}

/** The owner of each list's lease; empty where nobody flushes it. */
const owners = async (shards: number) =>
  Promise.all(shardKeys({ prefix, shards }).map(async ({ lease }) => (await redis.hget(lease, 'owner')) ?? ''))

const left = async () => {
  const lengths = await Promise.all(everyKeys({ prefix, shards: 1 }).map(({ pending }) => redis.llen(pending)))
  return lengths.reduce((sum, length) => sum + length, 0)
}

/** The answer of CloudWatch comes a moment before the list is settled. */
const untilEmpty = () => waitFor(async () => (await left()) === 0, { what: 'the lists to be settled' })

describe('four shards', () => {
  it('are all flushed by one worker, and the history of a row stays in order', async () => {
    const lines = Array.from({ length: 2_000 }, (_, n) => rowLine('Invoice', n % 50, n))
    await push(lines, 4)
    await fleet.start({ shards: 4 })
    await untilStored(lines.length)
    expect(new Set(stored().map(idOf)).size).toBe(lines.length)
    for (let row = 0; row < 50; row += 1) {
      const history = stored()
        .map((text) => JSON.parse(text))
        .filter(({ instance }) => instance.pk === String(row))
        .map(({ content }) => content.n)
      expect(history).toEqual(history.toSorted((a, b) => a - b))
    }
  })

  it('are shared by two workers, two each, and by a third that comes later', async () => {
    endpoint.faults.always('PutLogEvents', { kind: 'none', delayMs: 1_500 })
    const worker = { leaseMs: 5_000, requestTimeoutMs: 4_000, reconcileWaitsMs: [20, 150] }
    const slow = { shards: 4, worker }
    const shards = shardKeys({ prefix, shards: 4 })
    const large = eventLine({ bytes: 900_000 })
    // Long lists: with every call slow, all four are under way until the test ends.
    for (const { pending } of shards) await redis.rpush(pending, ...new Array<string>(40).fill(large))
    const each = async () => {
      const counts = new Map<string, number>()
      for (const owner of await owners(4)) counts.set(owner, (counts.get(owner) ?? 0) + 1)
      return [...counts.values()].sort()
    }
    const untilShared = (expected: number[], what: string) =>
      waitFor(async () => JSON.stringify(await each()) === JSON.stringify(expected), { what, timeoutMs: 25_000 })
    await fleet.start(slow)
    await untilShared([4], 'one worker to hold all four')
    await fleet.start(slow)
    await untilShared([2, 2], 'two workers to hold two each')
    await fleet.start(slow)
    await untilShared([1, 1, 2], 'the third to get its share')
    endpoint.faults.clear()
  })

  it('of a worker that died are taken over within its lease, long before the next interval', async () => {
    await fleet.start({ shards: 4 })
    await waitFor(
      async () => (await owners(4)).every((owner) => owner === '') && (await redis.exists('{audit-logger:3}:stats')),
      {
        what: 'the first round',
      },
    )
    const lines = Array.from({ length: 40 }, (_, n) => rowLine('Invoice', n, n))
    await push(lines, 4)
    const [time] = await redis.time()
    const soon = Number(time) * 1000 + 1_500
    for (const { lease } of shardKeys({ prefix, shards: 4 }))
      await redis.hset(lease, { owner: 'dead:1:x', expiry: soon })
    await untilStored(lines.length, 15_000)
    await untilEmpty()
  })
})

describe('a worker that CloudWatch refuses', () => {
  it('keeps no list from those that it does not refuse, not even for one interval', async () => {
    const refusing = await startCloudWatch()
    refusing.faults.always('*', { kind: 'accessDenied' })
    try {
      const lines = Array.from({ length: 80 }, (_, n) => rowLine('Invoice', n, n))
      await fleet.start({ shards: 4, flushThreshold: 80, endpoint: refusing.url })
      await fleet.start({ shards: 4, flushThreshold: 80 })
      await waitFor(async () => (await redis.zcard('{audit-logger}:workers')) === 2, { what: 'both to be there' })
      await push(lines, 4)
      await untilEmpty()
      expect(stored()).toHaveLength(lines.length)
    } finally {
      await fleet.close()
      await refusing.close()
    }
  })
})

describe('another number of shards', () => {
  it.each([
    [4, 2],
    [1, 4],
    [4, 1],
  ])('%i → %i loses nothing of what was pending, deferred or in flight', async (before, after) => {
    const pending = Array.from({ length: 200 }, (_, n) => rowLine('Invoice', n, n))
    await push(pending, before)
    const deferred = eventLine({ content: { deferred: true } })
    const last = shardKeys({ prefix, shards: before })[before - 1] as QueueKeys
    await redis.zadd(last.deferred, Date.now() + 500, `0\n${deferred}`)
    await redis.hset(last.lease, { owner: 'dead:1:x', expiry: 1, token: 5, base: 0, sent: 3 })
    await fleet.start({ shards: after, logInterval: 0.02 })
    await untilStored(pending.length + 1)
    expect(stored().map(idOf).sort()).toEqual([...pending, deferred].map(idOf).sort())
    await untilEmpty()
  })

  it('in an application that was not restarted yet loses nothing either', async () => {
    await fleet.start({ shards: 2, logInterval: 0.02 })
    const old = Array.from({ length: 50 }, (_, n) => rowLine('Invoice', n, n))
    await push(old, 8)
    await redis.rpush(queueKeys(prefix).pending, eventLine())
    await untilStored(51)
    await untilEmpty()
  })
})

describe('worker.flush()', () => {
  it('flushes every list now', async () => {
    const worker = await fleet.start({ shards: 3 })
    await waitFor(async () => redis.exists('{audit-logger:2}:stats'), { what: 'the first round' })
    const lines = Array.from({ length: 60 }, (_, n) => rowLine('Invoice', n, n))
    await push(lines, 3)
    await redis.rpush('{audit-logger:9}:pending', eventLine())
    expect(await worker.flush()).toMatchObject({ outcome: 'ok', stored: 61 })
    await untilEmpty()
  })
})
