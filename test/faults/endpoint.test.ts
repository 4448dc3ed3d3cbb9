import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CloudWatchOptions, FaultKind } from '../../local/cloudwatch'
import { eventLine } from '../support/events'
import { type RedisServer, startRedisServer } from '../support/redis-server'
import { FAULTS } from './driver/plan'
import { GROUP, STREAM, Stage } from './driver/stage'

let server: RedisServer
let cases = 0

beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(() => server.stop())

/** A list with several batches, an event too old for its time and an element that is none. */
async function withStage(options: CloudWatchOptions, act: (stage: Stage) => Promise<void>): Promise<void> {
  cases += 1
  const stage = await Stage.open(server.url, `endpoint-${cases}`, options)
  try {
    await stage.books.accept(stage.elements())
    await act(stage)
  } finally {
    await stage.close()
  }
}

const COMPLETE = { wrong: [], duplicates: 0, stored: 21, dead: 1, deferred: 0 }

/** A call that gets no answer must not take the test's time. */
const SHORT = { requestTimeoutMs: 300 }

async function expectComplete(stage: Stage): Promise<void> {
  await stage.drain(stage.flusher(undefined, SHORT))
  expect(await stage.books.verdict()).toMatchObject(COMPLETE)
}

describe.concurrent('every event is stored once', () => {
  const failing = async (kind: FaultKind) =>
    withStage({}, async (stage) => {
      stage.endpoint.faults.next('PutLogEvents', { kind: 'none' }, { kind }, { kind }, { kind: 'none' }, { kind })
      await expectComplete(stage)
      expect(stage.endpoint.faults.pending).toBe(0)
    })
  // An event that is refused as too large when it is alone is a dead letter: the mixes and the last test have that one.
  it.each(FAULTS.before.filter((kind) => kind !== 'tooLarge'))('when CloudWatch fails before it accepts: %s', failing)
  it.each(FAULTS.after)('when CloudWatch fails after it has accepted: %s', failing)

  const reads: FaultKind[] = ['throttle', 'unavailable', 'internal', 'hang', 'resetBefore', 'html']
  it.each(reads)('when the outcome is unknown and reading back fails too: %s', async (kind) => {
    await withStage({}, async (stage) => {
      stage.endpoint.faults.next('PutLogEvents', { kind: 'resetAfter' }, { kind: 'hangAfter' })
      stage.endpoint.faults.next('GetLogEvents', { kind }, { kind }, { kind })
      await expectComplete(stage)
    })
  })

  const creates: FaultKind[] = ['throttle', 'unavailable', 'internalAfter', 'resetAfter', 'resetBefore', 'accessDenied']
  it.each(creates)('when group and stream are missing and creating them fails: %s', async (kind) => {
    await withStage({}, async (stage) => {
      stage.endpoint.remove(GROUP)
      stage.endpoint.faults.next('CreateLogGroup', { kind }, { kind })
      stage.endpoint.faults.next('CreateLogStream', { kind: 'none' }, { kind })
      await expectComplete(stage)
    })
  })

  it('when a stored event can be read only after a while, behind empty pages', async () => {
    await withStage({ visibleAfterMs: 100, emptyPages: 3 }, async (stage) => {
      stage.endpoint.faults.next('PutLogEvents', { kind: 'resetAfter' }, { kind: 'unavailableAfter' })
      await stage.drain(stage.flusher(undefined, { reconcileWaitsMs: [0, 50, 400] }))
      expect(await stage.books.verdict()).toMatchObject(COMPLETE)
    })
  })
})

it('without permission to read back, events of unknown outcome are stored again, and only those', async () => {
  await withStage({}, async (stage) => {
    stage.endpoint.faults.always('GetLogEvents', { kind: 'accessDenied' })
    stage.endpoint.faults.next('PutLogEvents', { kind: 'none' }, { kind: 'resetAfter' })
    await stage.drain(stage.flusher(undefined, { inFlight: 1 }))
    const verdict = await stage.books.verdict({ mayDouble: true })
    expect(verdict).toMatchObject({ wrong: [], stored: 21, dead: 1, deferred: 0 })
    // One batch of one day: five events.
    expect(verdict.duplicates).toBeGreaterThan(0)
    expect(verdict.duplicates).toBeLessThanOrEqual(5)
  })
})

it('what is too new for CloudWatch waits in Redis and is stored when its time has come', async () => {
  const clock = { ahead: 0 }
  await withStage({ now: () => Date.now() + clock.ahead }, async (stage) => {
    const early = Array.from({ length: 3 }, () => eventLine({ date: new Date(Date.now() + 3 * 3_600_000) }))
    await stage.books.accept(early)
    const flusher = stage.flusher()
    await stage.drain(flusher)
    expect(await stage.books.verdict()).toMatchObject({ wrong: [], stored: 21, dead: 1, deferred: 3 })

    clock.ahead = 4 * 3_600_000
    for (const member of await stage.redis.zrange(stage.keys.deferred, 0, -1)) {
      await stage.redis.zadd(stage.keys.deferred, 1, member)
    }
    await flusher.flush()
    expect(await stage.books.verdict()).toMatchObject({ wrong: [], duplicates: 0, stored: 24, dead: 1, deferred: 0 })
    expect(stage.endpoint.events(GROUP, STREAM)).toHaveLength(24)
  })
})

it('batches that are refused are halved until all is stored but the one event that CloudWatch refuses', async () => {
  await withStage({}, async (stage) => {
    const spoilt = eventLine({ content: { text: 'spoilt' } })
    const tooMany = ({ body }: { body: unknown }) => (body as { logEvents: unknown[] }).logEvents.length > 2
    const isSpoilt = ({ body }: { body: unknown }) => JSON.stringify(body).includes('spoilt')
    stage.endpoint.faults.when('PutLogEvents', tooMany, { kind: 'tooLarge' })
    stage.endpoint.faults.when('PutLogEvents', isSpoilt, { kind: 'error', name: 'InvalidParameterException' })
    await stage.books.accept([spoilt])
    await stage.drain(stage.flusher())
    expect(await stage.books.verdict()).toMatchObject({ wrong: [], duplicates: 0, stored: 21, dead: 2, deferred: 0 })
    const letters = await stage.redis.lrange(stage.keys.dead, 0, -1)
    expect(letters.some((letter) => letter.endsWith(`\n${spoilt}`) && letter.includes('"reason":"refused"'))).toBe(true)
  })
})
