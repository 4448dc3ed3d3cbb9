import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { queueKeys } from '../../../src/queue/keys'
import { type Backend, startBackend } from '../../support/backend'
import { eventLine, idOf } from '../../support/events'
import { TestFleet } from '../../support/fleet'
import { GROUP, STREAM } from '../../support/processes'
import { waitFor } from '../../support/wait-for'

const keys = queueKeys('audit-logger')
const workers = `${keys.tag}:workers`
let backend: Backend
let server: Backend['server']
let redis: Backend['redis']
let endpoint: Backend['endpoint']
let fleet: TestFleet

beforeEach(async () => {
  backend = await startBackend()
  ;({ server, redis, endpoint } = backend)
  fleet = new TestFleet(server.url, endpoint, {
    worker: { leaseMs: 15_000, requestTimeoutMs: 10_000, reconcileWaitsMs: [20, 150], patienceMs: 20_000 },
  })
})
afterEach(async () => {
  endpoint.faults.clear()
  await fleet.close()
  await backend.stop()
})

const stored = () => endpoint.events(GROUP, STREAM).map(({ message }) => idOf(message))
/** Each fills a call of its own. */
const batches = (count: number) => Array.from({ length: count }, () => eventLine({ bytes: 900_000 }))
const marks = async () => (await redis.hmget(keys.lease, 'base', 'sent')).map(Number)

describe('the batches of a list', () => {
  it('are settled in order, though CloudWatch answers the first one last', async () => {
    const lines = batches(8)
    const isFirst = ({ body }: { body: unknown }) => JSON.stringify(body).includes(idOf(lines[0] as string))
    endpoint.faults.when('PutLogEvents', isFirst, { kind: 'none', delayMs: 5_000 })
    await redis.rpush(keys.pending, ...lines)
    await fleet.start()
    // The endpoint stores a batch and then waits with its answer.
    await waitFor(() => stored().length === 4, { what: 'the first four to be stored' })
    const answered = () => endpoint.callsOf('PutLogEvents').length
    await waitFor(() => answered() >= 3, { what: 'the second to fourth to be answered' })
    expect(await redis.llen(keys.pending)).toBe(8)
    expect(await marks()).toEqual([0, 4])
    await waitFor(async () => (await redis.llen(keys.pending)) === 0, { what: 'all to be settled', timeoutMs: 20_000 })
    expect(stored().toSorted()).toEqual(lines.map(idOf).toSorted())
    expect(await marks()).toEqual([8, 8])
  })

  it.each([
    ['the default', undefined, 4],
    ['the setting', 2, 2],
    ['the setting', 7, 7],
  ])('are in flight up to %s (%s)', async (_what, inFlight, expected) => {
    endpoint.faults.always('PutLogEvents', { kind: 'none', delayMs: 6_000 })
    await redis.rpush(keys.pending, ...batches(12))
    const tuning = { leaseMs: 15_000, requestTimeoutMs: 10_000 }
    await fleet.start({ worker: inFlight === undefined ? tuning : { ...tuning, inFlight } })
    await waitFor(async () => (await marks())[1] === expected, { what: 'the last mark' })
    // The worker goes on looking around, and begins no further batch before an answer.
    const [, seen] = await redis.zrange(workers, 0, 0, 'WITHSCORES')
    await waitFor(async () => Number((await redis.zrange(workers, 0, 0, 'WITHSCORES'))[1]) > Number(seen) + 1_500, {
      what: 'two more looks',
    })
    expect(await marks()).toEqual([0, expected])
    expect(await redis.llen(keys.pending)).toBe(12)
    endpoint.faults.clear()
    await waitFor(async () => (await redis.llen(keys.pending)) === 0, { what: 'all to be settled', timeoutMs: 20_000 })
    expect(new Set(stored()).size).toBe(12)
    expect(stored()).toHaveLength(12)
  })
})
