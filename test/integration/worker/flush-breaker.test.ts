import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readStatus } from '../../../worker/status'
import { eventLine, idOf } from '../../support/events'
import { waitFor } from '../../support/wait-for'
import { GROUP, STREAM, setUpWorker, type WorkerSetup } from '../../support/worker-setup'

let setup: WorkerSetup

beforeEach(async () => {
  setup = await setUpWorker()
  setup.endpoint.ensure(GROUP, STREAM)
})
afterEach(() => setup.close())

const push = (...lines: string[]) => setup.redis.rpush(setup.keys.pending, ...lines)
const puts = () => setup.endpoint.callsOf('PutLogEvents')
const failures = async () => Number(await setup.redis.hget(setup.keys.lease, 'failures'))
const lease = (fields: Record<string, string | number>) => setup.redis.hset(setup.keys.lease, fields)

/** As if five calls in a row had failed; the breaker is open for so long. */
async function trip(openForMs: number) {
  setup.endpoint.faults.always('PutLogEvents', { kind: 'throttle' })
  await waitFor(
    async () => {
      await lease({ openUntil: 0 })
      await setup.flusher({ patienceMs: 1 }).flush()
      return (await failures()) >= 5
    },
    { what: 'five failures in a row', timeoutMs: 30_000 },
  )
  setup.endpoint.faults.clear()
  await lease({ openUntil: Date.now() + openForMs })
}

describe('the circuit breaker', () => {
  it('counts failures in Redis, over flushes and workers, and an answer closes it', async () => {
    await push(eventLine())
    setup.endpoint.faults.always('PutLogEvents', { kind: 'throttle' })
    await setup.flusher({ patienceMs: 1 }).flush()
    const first = await failures()
    expect(first).toBeGreaterThan(0)
    await lease({ openUntil: 0 })
    await setup.flusher({ patienceMs: 1 }).flush()
    expect(await failures()).toBeGreaterThan(first)
    setup.endpoint.faults.clear()
    await lease({ openUntil: 0 })
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 1 })
    expect(await setup.redis.hmget(setup.keys.lease, 'failures', 'openUntil', 'breaker')).toEqual([null, null, null])
  })

  it('open, lets no flush try anything, of whichever worker, and says when it will', async () => {
    await push(eventLine())
    await trip(60_000)
    const calls = setup.endpoint.calls.length
    const before = (await readStatus(setup.redis, setup.keys)).lastFlush
    for (const flusher of [setup.flusher(), setup.flusher()]) {
      const summary = await flusher.flush()
      expect(summary).toMatchObject({ outcome: 'waiting', stored: 0, batches: 0 })
      expect(summary.retryInMs).toBeGreaterThan(30_000)
      expect(summary.retryInMs).toBeLessThanOrEqual(60_000)
    }
    expect(setup.endpoint.calls).toHaveLength(calls)
    const status = await readStatus(setup.redis, setup.keys)
    expect(status).toMatchObject({ pending: 1, dead: 0 })
    expect(status.lastFlush).toEqual(before)
    await lease({ openUntil: Date.now() - 1 })
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 1 })
  })

  it('half-open, sends one batch alone, and all others only when that one was answered', async () => {
    const lines = Array.from({ length: 6 }, () => eventLine({ bytes: 900_000 }))
    await push(...lines)
    await trip(0)
    setup.endpoint.faults.always('PutLogEvents', { kind: 'none', delayMs: 100 })
    const begun = puts().length
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 6 })
    const inFlight = puts()
      .slice(begun)
      .map((call) => call.inFlight)
    expect(inFlight[0]).toBe(1)
    expect(inFlight[1]).toBeLessThanOrEqual(1)
    expect(Math.max(...inFlight)).toBeGreaterThan(1)
    expect(setup.stored().map(idOf).sort()).toEqual(lines.map(idOf).sort())
  })

  it('half-open, and the one batch fails: open again at once, and longer', async () => {
    await push(...Array.from({ length: 3 }, () => eventLine({ bytes: 900_000 })))
    await trip(0)
    const [calls, before] = [puts().length, await failures()]
    setup.endpoint.faults.always('PutLogEvents', { kind: 'throttle' })
    expect(await setup.flusher({ patienceMs: 1 }).flush()).toMatchObject({ outcome: 'failed' })
    expect(puts()).toHaveLength(calls + 1)
    expect(await failures()).toBe(before + 1)
  })

  it('is of one log stream: another one in the settings is tried at once', async () => {
    await push(eventLine())
    await trip(60_000)
    expect(await setup.flusherFor({ streamName: 'other' }).flush()).toMatchObject({ outcome: 'ok', stored: 1 })
  })

  it.each([
    ['seconds', () => '30'],
    ['a date', () => new Date(Date.now() + 31_000).toUTCString()],
  ])(
    'opens for as long as Retry-After says, in %s, and the flush does not wait for longer than it may',
    async (_, header) => {
      await push(eventLine())
      setup.endpoint.faults.next('PutLogEvents', { kind: 'throttle', retryAfter: header() })
      expect(await setup.flusher().flush()).toMatchObject({
        outcome: 'failed',
        error: { code: 'AUDIT_CLOUDWATCH_UNAVAILABLE' },
      })
      const waiting = await setup.flusher().flush()
      expect(waiting.outcome).toBe('waiting')
      expect(waiting.retryInMs).toBeGreaterThan(20_000)
      expect(waiting.retryInMs).toBeLessThanOrEqual(31_000)
      expect(puts()).toHaveLength(1)
    },
  )

  it('respects a short Retry-After within the flush, also when the outcome is unknown', async () => {
    await push(eventLine())
    setup.endpoint.faults.next(
      'PutLogEvents',
      { kind: 'throttle', retryAfter: 1 },
      { kind: 'unavailable', retryAfter: 1 },
    )
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 1 })
    const times = puts().map(({ at }) => at)
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990)
    expect((times[2] ?? 0) - (times[1] ?? 0)).toBeGreaterThanOrEqual(990)
  })
})

describe('what surely was not sent', () => {
  it('is not looked for in the stream by the next flush', async () => {
    setup.endpoint.faults.next('PutLogEvents', ...Array(4).fill({ kind: 'accessDenied' } as const))
    await push(...Array.from({ length: 4 }, () => eventLine({ bytes: 900_000 })))
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'failed' })
    expect(await readStatus(setup.redis, setup.keys)).toMatchObject({ pending: 4, inFlight: 0 })
    setup.endpoint.faults.clear()
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 4 })
    expect(setup.endpoint.callsOf('GetLogEvents')).toHaveLength(0)
  })

  it('but may be stored is looked for, whatever failed behind it', async () => {
    const lines = Array.from({ length: 4 }, () => eventLine({ bytes: 900_000 }))
    setup.endpoint.faults.next('PutLogEvents', { kind: 'none' }, { kind: 'resetAfter' }, { kind: 'accessDenied' })
    await push(...lines)
    const flusher = setup.flusher({ patienceMs: 1, reconcileWaitsMs: [300] })
    await flusher.flush()
    setup.endpoint.faults.clear()
    await lease({ openUntil: 0 })
    expect((await setup.flusher().flush()).outcome).toBe('ok')
    expect(setup.stored().map(idOf).sort()).toEqual(lines.map(idOf).sort())
  })
})
