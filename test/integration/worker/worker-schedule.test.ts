import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { queueKeys } from '../../../src/queue/keys'
import { readStatus } from '../../../worker/status'
import { type Backend, startBackend } from '../../support/backend'
import { eventLine } from '../../support/events'
import { TestFleet } from '../../support/fleet'
import { GROUP, STREAM } from '../../support/processes'
import { waitFor } from '../../support/wait-for'

const keys = queueKeys('audit-logger')
const scheduler = `${keys.tag}:flush:repeat`
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

const stored = () => endpoint.events(GROUP, STREAM).length
const untilStored = (count: number) =>
  waitFor(() => stored() >= count, { what: `${count} stored events`, timeoutMs: 30_000 })
const puts = () => endpoint.callsOf('PutLogEvents').length
const events = (count: number) => Array.from({ length: count }, () => eventLine())

async function untilFirstFlush(): Promise<void> {
  await waitFor(async () => (await readStatus(redis, keys)).lastFlush, { what: 'the first flush' })
}

describe('a backlog above the threshold', () => {
  it('is flushed at once, and one below it waits for the interval', async () => {
    await fleet.start({ flushThreshold: 100 })
    await untilFirstFlush()
    await redis.rpush(keys.pending, ...events(99))
    // The worker has looked at the list: it says so by renewing its place among the workers.
    const seen = await redis.zrange(`${keys.tag}:workers`, 0, -1, 'WITHSCORES')
    await waitFor(
      async () => Number((await redis.zrange(`${keys.tag}:workers`, 0, -1, 'WITHSCORES'))[1]) > Number(seen[1]) + 1_000,
      {
        what: 'two more looks',
      },
    )
    expect(stored()).toBe(0)
    await redis.rpush(keys.pending, eventLine())
    await untilStored(100)
  })

  it('is counted over all shards together', async () => {
    await fleet.start({ flushThreshold: 100, shards: 4 })
    await waitFor(async () => redis.exists('{audit-logger:3}:stats'), { what: 'the first flush' })
    for (const shard of [0, 1, 2, 3]) await redis.rpush(`{audit-logger:${shard}}:pending`, ...events(25))
    await untilStored(100)
  })

  it('does not make a worker call CloudWatch again and again while that refuses it', async () => {
    await fleet.start({ flushThreshold: 10 })
    await fleet.start({ flushThreshold: 10 })
    await untilFirstFlush()
    endpoint.faults.always('PutLogEvents', { kind: 'error', name: 'AccessDeniedException' })
    await redis.rpush(keys.pending, ...events(50))
    await waitFor(async () => (await readStatus(redis, keys)).lastFlush?.outcome === 'failed', { what: 'a refusal' })
    const calls = puts()
    const [before] = await redis.time()
    await waitFor(async () => Number((await redis.time())[0]) > Number(before) + 4, {
      what: 'some looks',
      timeoutMs: 20_000,
    })
    expect(puts() - calls).toBeLessThanOrEqual(2)
    endpoint.faults.clear()
    expect((await readStatus(redis, keys)).pending).toBe(50)
  })
})

describe('a flush that is slow', () => {
  it('neither keeps the next ones from beginning nor is begun a second time', async () => {
    endpoint.faults.always('PutLogEvents', { kind: 'none', delayMs: 900 })
    await redis.rpush(keys.pending, ...Array.from({ length: 12 }, () => eventLine({ bytes: 900_000 })))
    await fleet.start({ logInterval: 0.005, shards: 2 })
    await fleet.start({ logInterval: 0.005, shards: 2 })
    await waitFor(() => puts() > 0, { what: 'a call' })
    const quick = events(5)
    await redis.rpush('{audit-logger:1}:pending', ...quick)
    await untilStored(17)
    const messages = endpoint.events(GROUP, STREAM).map(({ message }) => message)
    expect(new Set(messages).size).toBe(17)
    expect(messages).toHaveLength(17)
    expect(fleet.coded('AUDIT_LEASE_LOST')).toEqual([])
  })
})

describe('a trickle of events', () => {
  it('is not followed with a call for each few of them: what comes during a flush is left to the next one', async () => {
    const trickle = setInterval(() => void redis.rpush(keys.pending, eventLine()), 2)
    try {
      await waitFor(async () => (await redis.llen(keys.pending)) > 50, { what: 'some events' })
      await fleet.start()
      await untilFirstFlush()
      await waitFor(async () => (await redis.llen(keys.pending)) > 100, { what: 'events that wait' })
      expect(puts()).toBeLessThanOrEqual(3)
    } finally {
      clearInterval(trickle)
    }
  })
})

describe('the schedule', () => {
  it('is set up again when Redis lost it without losing the connection', async () => {
    await fleet.start({ logInterval: 0.02 })
    await untilFirstFlush()
    await redis.flushall()
    await redis.rpush(keys.pending, eventLine())
    await untilStored(1)
    await waitFor(() => redis.exists(`${scheduler}:flush`), { what: 'the schedule to be back', timeoutMs: 20_000 })
  })

  it('that is there but begins nothing is made up for by the workers themselves', async () => {
    await fleet.start({ logInterval: 0.02 })
    await untilFirstFlush()
    // Everything that BullMQ would run next is gone, only its description is left.
    await redis.del(`${keys.tag}:flush:delayed`, `${keys.tag}:flush:wait`, `${keys.tag}:flush:marker`)
    for (let n = 1; n <= 3; n += 1) {
      await redis.rpush(keys.pending, eventLine())
      await untilStored(n)
    }
  })
})

describe('the watchdog', () => {
  it('warns when nothing is flushed for two intervals although events wait', async () => {
    endpoint.faults.always('PutLogEvents', { kind: 'error', name: 'AccessDeniedException' })
    await redis.rpush(keys.pending, ...events(3))
    await fleet.start({ logInterval: 0.01 })
    const [warning] = await waitFor(
      () => fleet.coded('AUDIT_NOTHING_FLUSHED').length > 0 && fleet.coded('AUDIT_NOTHING_FLUSHED'),
      {
        what: 'the warning',
        timeoutMs: 20_000,
      },
    )
    expect(warning).toMatchObject({ pending: 3, minutes: 0.02 })
    endpoint.faults.clear()
    await untilStored(3)
  })
})
