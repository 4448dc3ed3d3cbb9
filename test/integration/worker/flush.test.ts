import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { shardKeys } from '../../../src/queue/keys'
import { Flushers } from '../../../worker/flushers'
import { readStatus } from '../../../worker/status'
import { eventLine, idOf } from '../../support/events'
import { GROUP, STREAM, setUpWorker, type WorkerSetup } from '../../support/worker-setup'

let setup: WorkerSetup

beforeEach(async () => {
  setup = await setUpWorker()
})
afterEach(() => setup.close())

const push = (...lines: string[]) => setup.redis.rpush(setup.keys.pending, ...lines)
const status = () => readStatus(setup.redis, setup.keys)
const puts = () => setup.endpoint.callsOf('PutLogEvents')
const lines = (count: number, bytes = 0) => Array.from({ length: count }, () => eventLine({ bytes }))

describe('a flush', () => {
  it('stores what is pending, byte for byte, and leaves nothing behind', async () => {
    const events = [eventLine({ content: { text: 'Grüße, 世界 😀 "quoted" \\ \u0001' } }), ...lines(9)]
    await push(...events)
    const summary = await setup.flusher().flush()
    expect(summary).toMatchObject({ outcome: 'ok', stored: 10, batches: 1, dead: 0, deferred: 0 })
    expect(setup.stored()).toEqual(events)
    expect(await status()).toEqual({
      pending: 0,
      inFlight: 0,
      deferred: 0,
      dead: 0,
      oldestAgeMs: null,
      lastFlush: { at: expect.stringMatching(/^\d{4}-.*Z$/), stored: 10, batches: 1, outcome: 'ok' },
    })
  })

  it('has the time of the event as its timestamp, and sorts each call', async () => {
    const now = Date.now()
    const events = [3_000, 1_000, 2_000].map((ago) => eventLine({ date: new Date(now - ago) }))
    await push(...events)
    await setup.flusher().flush()
    expect(setup.endpoint.events(GROUP, STREAM).map(({ timestamp }) => now - timestamp)).toEqual([3_000, 2_000, 1_000])
  })

  it('with nothing pending makes no call', async () => {
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 0, batches: 0 })
    expect(setup.endpoint.calls).toHaveLength(0)
  })

  it('creates group, stream and retention when a put says that they are missing, and sends the same batch again', async () => {
    await push(...lines(3))
    await setup.flusher().flush()
    expect(setup.endpoint.calls.map(({ operation }) => operation)).toEqual([
      'PutLogEvents',
      'CreateLogStream',
      'CreateLogGroup',
      'CreateLogStream',
      'PutLogEvents',
    ])
    expect(setup.stored()).toHaveLength(3)
  })

  it('creates a missing stream once, however many batches find it missing at once', async () => {
    await push(...lines(8, 500_000))
    await setup.flusher().flush()
    expect(setup.endpoint.callsOf('CreateLogGroup')).toHaveLength(1)
    expect(setup.endpoint.callsOf('CreateLogStream')).toHaveLength(2)
    expect(setup.stored()).toHaveLength(8)
  })

  it('creates it once, however many lists of a process find it missing at once', async () => {
    const settings = { ...setup.settings, shards: 4 }
    const lists = shardKeys(settings)
    await Promise.all(lists.map(({ pending }) => setup.redis.rpush(pending, ...lines(2))))
    const flushers = new Flushers(setup.redis, settings, setup.logger)
    expect(await flushers.flushAll()).toMatchObject({ outcome: 'ok', stored: 8 })
    await flushers.close()
    expect(setup.endpoint.callsOf('CreateLogGroup')).toHaveLength(1)
    expect(setup.endpoint.callsOf('CreateLogStream')).toHaveLength(2)
  })

  it('fills its calls and keeps every limit with a large backlog, several in flight', async () => {
    setup.endpoint.ensure(GROUP, STREAM)
    setup.endpoint.faults.always('PutLogEvents', { kind: 'none', delayMs: 50 })
    const events = lines(20_000, 600)
    for (let i = 0; i < events.length; i += 1_000) await push(...events.slice(i, i + 1_000))
    const summary = await setup.flusher().flush()
    expect(summary).toMatchObject({ outcome: 'ok', stored: 20_000 })
    expect(setup.stored().sort()).toEqual([...events].sort())
    expect(puts().every(({ accepted }) => accepted)).toBe(true)
    // 20,000 events of 626 bytes need 12 calls of 1 MiB.
    expect(puts().length).toBeLessThanOrEqual(13)
    expect(Math.max(...puts().map(({ inFlight }) => inFlight))).toBeGreaterThan(1)
  })

  it('is one at a time over all processes: a second worker is told that the lease is held', async () => {
    setup.endpoint.ensure(GROUP, STREAM)
    setup.endpoint.faults.next('PutLogEvents', { kind: 'none', delayMs: 300 })
    await push(...lines(5))
    const first = setup.flusher().flush()
    const second = await setup.flusher().flush()
    expect(second).toMatchObject({ outcome: 'busy', stored: 0 })
    expect(second.retryInMs).toBeGreaterThan(0)
    expect(await first).toMatchObject({ outcome: 'ok', stored: 5 })
    expect(puts()).toHaveLength(1)
  })

  it('keeps the lease for as long as a batch takes, however long that is', async () => {
    setup.endpoint.ensure(GROUP, STREAM)
    setup.endpoint.faults.next('PutLogEvents', { kind: 'resetAfter' })
    await push(...lines(5))
    const first = setup.flusher({ leaseMs: 300, requestTimeoutMs: 200, reconcileWaitsMs: [1_200] }).flush()
    const other = setup.flusher()
    while (puts().length === 0) await new Promise((resolve) => setImmediate(resolve))
    let refused = 0
    let ended = false
    void first.then(() => {
      ended = true
    })
    while (!ended) if ((await other.flush()).outcome === 'busy') refused += 1
    expect(await first).toMatchObject({ outcome: 'ok', stored: 5 })
    expect(refused).toBeGreaterThan(5)
    expect(puts()).toHaveLength(1)
  })

  it('asked to end, finishes the batches in flight and leaves the rest pending', async () => {
    setup.endpoint.ensure(GROUP, STREAM)
    setup.endpoint.faults.always('PutLogEvents', { kind: 'none', delayMs: 200 })
    await push(...lines(10, 900_000))
    const flusher = setup.flusher({ inFlight: 2 })
    const flush = flusher.flush()
    while (puts().length === 0) await new Promise((resolve) => setImmediate(resolve))
    await flusher.close()
    const { outcome, stored } = await flush
    expect(outcome).toBe('stopped')
    expect(stored).toBeGreaterThan(0)
    expect(setup.stored()).toHaveLength(stored)
    expect(await status()).toMatchObject({ pending: 10 - stored, inFlight: 0 })
  })
})

describe('an element that is no event', () => {
  it('goes to the dead letters as it is, with a reason, and blocks nothing', async () => {
    const good = lines(2)
    await push(good[0] ?? '', 'not json \u0001 é', good[1] ?? '', '{"v":2,"id":"x"}')
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 2, dead: 2 })
    expect(setup.stored()).toEqual(good)
    const dead = (await setup.redis.lrange(setup.keys.dead, 0, -1)).map((letter) => letter.split('\n'))
    expect(dead.map(([, element]) => element)).toEqual(['not json \u0001 é', '{"v":2,"id":"x"}'])
    expect(dead.map(([header]) => JSON.parse(header ?? ''))).toMatchObject([
      { reason: 'not_an_event', detail: expect.stringContaining('not JSON') },
      { reason: 'not_an_event', detail: expect.stringContaining('version 2') },
    ])
  })

  it('makes no call when there is nothing else', async () => {
    await push('x', 'y')
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', dead: 2 })
    expect(setup.endpoint.calls).toHaveLength(0)
  })
})

describe('events that CloudWatch rejects', () => {
  it('too new are deferred until they are due; the rest is stored', async () => {
    const hour = 60 * 60 * 1000
    const now = Date.now()
    const fresh = eventLine({ date: new Date(now) })
    const early = eventLine({ date: new Date(now + 3 * hour) })
    await push(early, fresh)
    const summary = await setup.flusher().flush()
    expect(summary).toMatchObject({ outcome: 'ok', stored: 1, dead: 0, deferred: 1 })
    expect(setup.stored()).toEqual([fresh])
    const [member = '', due] = await setup.redis.zrange(setup.keys.deferred, 0, -1, 'WITHSCORES')
    expect(member.endsWith(`\n${early}`)).toBe(true)
    expect(Number(due)).toBeGreaterThanOrEqual(now + hour)
    expect(await status()).toMatchObject({ pending: 0, deferred: 1, dead: 0 })
  })

  it('deferred come back when they are due', async () => {
    const line = eventLine()
    await setup.redis.zadd(setup.keys.deferred, Date.now() - 1, `7\n${line}`)
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 1 })
    expect(setup.stored()).toEqual([line])
    expect(await status()).toMatchObject({ deferred: 0 })
  })
})

describe('when CloudWatch fails', () => {
  beforeEach(() => setup.endpoint.ensure(GROUP, STREAM))

  it.each(['throttle', 'resetBefore', 'unavailable', 'internal', 'html', 'hang'] as const)(
    '%s before it stored anything: sent again, stored once',
    async (kind) => {
      setup.endpoint.faults.next('PutLogEvents', { kind })
      const events = lines(5)
      await push(...events)
      expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 5 })
      expect(setup.stored()).toEqual(events)
    },
  )

  it.each(['resetAfter', 'unavailableAfter', 'internalAfter', 'htmlAfter', 'hangAfter'] as const)(
    '%s it had stored the batch: the stream is read back and nothing is sent twice',
    async (kind) => {
      setup.endpoint.faults.next('PutLogEvents', { kind })
      const events = lines(5)
      await push(...events)
      expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 5 })
      expect(setup.stored()).toEqual(events)
      expect(puts()).toHaveLength(1)
    },
  )

  it('only the absent events of an unknown batch are sent again', async () => {
    const events = lines(4)
    await push(...events)
    // A predecessor marked all four and its call stored two of them.
    const first = setup.flusher()
    setup.endpoint.faults.next('PutLogEvents', { kind: 'accessDenied' })
    expect(await first.flush()).toMatchObject({ outcome: 'failed' })
    await setup.redis.ltrim(setup.keys.pending, 0, 1)
    const half = setup.flusher()
    expect(await half.flush()).toMatchObject({ stored: 2 })
    await setup.redis.del(setup.keys.lease)
    await setup.redis.rpush(setup.keys.pending, ...events)
    await setup.redis.hset(setup.keys.lease, { base: 0, sent: 4, token: 9 })
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 4 })
    expect(setup.stored().map(idOf)).toEqual(events.map(idOf))
  })

  it('a refused batch is halved until the event that spoils it is alone', async () => {
    const events = lines(64)
    const poison = idOf(events[20] ?? '')
    setup.endpoint.faults.when('PutLogEvents', ({ body }) => JSON.stringify(body).includes(poison), {
      kind: 'tooLarge',
    })
    await push(...events)
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 63, dead: 1 })
    expect(setup.stored().sort()).toEqual(events.filter((line) => idOf(line) !== poison).sort())
    expect(puts().length).toBeLessThanOrEqual(1 + 2 * Math.log2(64))
    const [letter = ''] = await setup.redis.lrange(setup.keys.dead, 0, -1)
    expect(letter).toContain(poison)
  })

  it('gives up after its patience, and the events are still pending', async () => {
    setup.endpoint.faults.always('PutLogEvents', { kind: 'throttle' })
    await push(...lines(5))
    expect(await setup.flusher({ patienceMs: 300 }).flush()).toMatchObject({
      outcome: 'failed',
      error: { code: 'AUDIT_CLOUDWATCH_UNAVAILABLE' },
    })
    expect(await status()).toMatchObject({ pending: 5 })
  })

  it('without permission to read back, sends again and says so once', async () => {
    setup.endpoint.faults.always('GetLogEvents', { kind: 'accessDenied' })
    setup.endpoint.faults.next('PutLogEvents', { kind: 'resetBefore' }, { kind: 'resetBefore' })
    const events = lines(5)
    await push(...events)
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 5 })
    expect(setup.stored()).toEqual(events)
    const said = setup.logger.entries.filter(({ fields }) => fields.code === 'AUDIT_RECONCILE_DENIED')
    expect(said).toHaveLength(1)
  })

  it('a worker that slept through its lease makes no call any more', async () => {
    await push(...lines(3))
    const sleeper = setup.flusher({ leaseMs: 2_000, requestTimeoutMs: 1_900 }, async (step) => {
      if (step !== 'marked') return
      // As SIGSTOP and SIGCONT around the life of a successor: more of the lease is gone than a call may take.
      await setup.redis.hset(setup.keys.lease, { owner: 'another', token: 99 })
      await new Promise((resolve) => setTimeout(resolve, 200))
    })
    const before = await status()
    expect(await sleeper.flush()).toMatchObject({ outcome: 'failed', error: { code: 'AUDIT_LEASE_LOST' } })
    expect(puts()).toHaveLength(0)
    expect(await setup.redis.hmget(setup.keys.lease, 'owner', 'sent')).toEqual(['another', '3'])
    expect((await status()).lastFlush).toEqual(before.lastFlush)
  })

  it('a worker whose lease was taken over settles nothing', async () => {
    await push(...lines(3))
    setup.endpoint.faults.next('PutLogEvents', { kind: 'none', delayMs: 300 })
    const flush = setup.flusher().flush()
    while (puts().length === 0) await new Promise((resolve) => setImmediate(resolve))
    await setup.redis.hset(setup.keys.lease, { owner: 'another', token: 99 })
    expect(await flush).toMatchObject({ outcome: 'failed', stored: 0, error: { code: 'AUDIT_LEASE_LOST' } })
    expect(await status()).toMatchObject({ pending: 3, inFlight: 3 })
  })
})

it('waits until a stored event can be read before it counts as absent', async () => {
  await setup.close()
  setup = await setUpWorker({ visibleAfterMs: 150 })
  setup.endpoint.ensure(GROUP, STREAM)
  setup.endpoint.faults.next('PutLogEvents', { kind: 'resetAfter' })
  await push(...lines(3))
  expect(await setup.flusher({ reconcileWaitsMs: [0, 50, 400] }).flush()).toMatchObject({ outcome: 'ok', stored: 3 })
  expect(setup.stored()).toHaveLength(3)
})

it('finds an event behind empty pages', async () => {
  await setup.close()
  setup = await setUpWorker({ emptyPages: 3 })
  setup.endpoint.ensure(GROUP, STREAM)
  setup.endpoint.faults.next('PutLogEvents', { kind: 'resetAfter' })
  await push(...lines(3))
  await setup.flusher().flush()
  expect(setup.stored()).toHaveLength(3)
})
