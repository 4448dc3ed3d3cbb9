import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readStatus } from '../../../worker/status'
import { eventLine, idOf } from '../../support/events'
import { GROUP, STREAM, setUpWorker, type WorkerSetup } from '../../support/worker-setup'

let setup: WorkerSetup

beforeEach(async () => {
  setup = await setUpWorker()
  setup.endpoint.ensure(GROUP, STREAM)
})
afterEach(() => setup.close())

const push = (...lines: string[]) => setup.redis.rpush(setup.keys.pending, ...lines)
const lines = (count: number) => Array.from({ length: count }, () => eventLine())
const puts = () => setup.endpoint.callsOf('PutLogEvents').length
const status = () => readStatus(setup.redis, setup.keys)

/** CloudWatch refuses every call that holds one of these events. */
function poison(...events: (string | undefined)[]) {
  const ids = new Set(events.map((line) => idOf(line ?? '')))
  const holdsOne = ({ body }: { body: unknown }) =>
    (body as { logEvents: { message: string }[] }).logEvents.some(({ message }) => ids.has(idOf(message)))
  setup.endpoint.faults.when('PutLogEvents', holdsOne, { kind: 'error', name: 'InvalidParameterException' })
}

describe('a refused batch', () => {
  it.each([
    [64, [20]],
    [64, [0, 1, 2, 3, 4]],
    [100, [0, 50, 99]],
    [1_000, [0, 1, 2, 3, 499, 500, 730, 999]],
    [3, [0, 1]],
  ])('of %i events, poison at %j: those alone are dead letters, in few calls', async (count, places) => {
    const events = lines(count)
    poison(...places.map((place) => events[place]))
    await push(...events)
    const dead = places.length
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: count - dead, dead })
    const good = events.filter((_, i) => !places.includes(i))
    expect(setup.stored().map(idOf).sort()).toEqual(good.map(idOf).sort())
    const letters = await setup.redis.lrange(setup.keys.dead, 0, -1)
    expect(letters.map((letter) => letter.split('\n')[1])).toEqual(places.map((place) => events[place]))
    expect(letters.every((letter) => JSON.parse(letter.split('\n')[0] ?? '').reason === 'refused')).toBe(true)
    // The first call, two a halving, five probes.
    expect(puts()).toBeLessThanOrEqual(1 + 2 * dead * Math.ceil(Math.log2(count)) + 5)
  })

  it('of which every event is refused alone is left pending, after a few calls, with a coded error', async () => {
    setup.endpoint.faults.always('PutLogEvents', { kind: 'error', name: 'InvalidParameterException' })
    const events = lines(1_000)
    await push(...events)
    const summary = await setup.flusher().flush()
    expect(summary).toMatchObject({ outcome: 'failed', stored: 0, dead: 0, error: { code: 'AUDIT_BATCH_REFUSED' } })
    expect(puts()).toBeLessThan(30)
    expect(await status()).toMatchObject({ pending: 1_000, dead: 0 })
    setup.endpoint.faults.clear()
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 1_000 })
    expect(setup.stored().map(idOf).sort()).toEqual(events.map(idOf).sort())
  })

  it('of poison only ends as dead letters as soon as CloudWatch takes another event', async () => {
    const bad = lines(9)
    poison(...bad)
    await push(...bad)
    const flusher = setup.flusher()
    expect(await flusher.flush()).toMatchObject({ outcome: 'failed', error: { code: 'AUDIT_BATCH_REFUSED' } })
    const good = eventLine()
    await push(good)
    expect(await flusher.flush()).toMatchObject({ outcome: 'ok', stored: 1, dead: 9 })
    expect(setup.stored()).toEqual([good])
  })

  it('because of the name of the group makes no dead letter at all, even of a single event', async () => {
    await setup.redis.rpush(setup.keys.pending, eventLine())
    setup.endpoint.faults.clear()
    const flusher = setup.flusherFor({ groupName: 'aws/reserved' })
    const summary = await flusher.flush()
    expect(summary).toMatchObject({ outcome: 'failed', dead: 0, error: { code: 'AUDIT_DESTINATION_INVALID' } })
    expect(await status()).toMatchObject({ pending: 1, dead: 0 })
  })

  it('a worker that dies while it halves: nothing lost, nothing doubled', async () => {
    const events = lines(64)
    poison(events[3], events[40])
    await push(...events)
    let calls = 0
    const dying = setup.flusher({}, (step) => {
      if (step === 'answered') calls += 1
      if (step === 'answered' && calls === 7) throw new Error('killed')
    })
    expect(await dying.flush()).toMatchObject({ outcome: 'failed' })
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 62, dead: 2 })
    const good = events.filter((_, i) => i !== 3 && i !== 40)
    expect(setup.stored().map(idOf).sort()).toEqual(good.map(idOf).sort())
  })
})
