import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EventReader } from '../../../src/reader'
import { readStatus } from '../../../worker/status'
import type { Step } from '../../../worker/step'
import { eventLine, idOf } from '../../support/events'
import { GROUP, STREAM, setUpWorker, type WorkerSetup } from '../../support/worker-setup'

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR
let setup: WorkerSetup

beforeEach(async () => {
  setup = await setUpWorker()
})
afterEach(() => setup.close())

const push = (...lines: string[]) => setup.redis.rpush(setup.keys.pending, ...lines)
const ago = (ms: number, bytes = 0) => eventLine({ date: new Date(Date.now() - ms), bytes })
const storedIds = () => setup.stored().map(idOf)
const marked = (line: string, reason: string) => ({ ...JSON.parse(line), late: { reason } })

/** A worker that dies at the nth time that it comes to a step: its lease ends, its marks stay. */
function dyingAt(step: Step, nth: number) {
  let times = 0
  return setup.flusher({}, (at) => {
    if (at === step) times += 1
    if (at === step && times === nth) throw new Error('killed')
  })
}

describe('events that are too old for CloudWatch', () => {
  it('are stored with the current time as timestamp, the date as it was, and a mark', async () => {
    const before = Date.now()
    const lines = [ago(15 * DAY), ago(20 * DAY), ago(15 * DAY)]
    const fresh = ago(0)
    await push(...lines, fresh)
    const summary = await setup.flusher().flush()
    expect(summary).toMatchObject({ outcome: 'ok', stored: 4, late: 3, dead: 0, deferred: 0 })
    const events = setup.endpoint.events(GROUP, STREAM)
    const late = events.filter(({ message }) => message !== fresh)
    expect(late.map(({ message }) => JSON.parse(message))).toEqual(
      expect.arrayContaining(lines.map((line) => marked(line, 'too_old'))),
    )
    for (const { timestamp } of late) {
      expect(timestamp).toBeGreaterThanOrEqual(before)
      expect(timestamp).toBeLessThanOrEqual(Date.now())
    }
    const reader = new EventReader()
    expect(new Set(events.map(({ message }) => reader.push(message)?.line))).toEqual(new Set([...lines, fresh]))
    expect(await readStatus(setup.redis, setup.keys)).toMatchObject({ pending: 0, dead: 0, deferred: 0 })
  })

  it('past the retention of the group are stored so too, and say that reason', async () => {
    const [expired, fresh] = [ago(5 * DAY), ago(1_000)]
    await push(expired, fresh)
    expect(await setup.flusherFor({ retentionDays: 3 }).flush()).toMatchObject({
      outcome: 'ok',
      stored: 2,
      late: 1,
      dead: 0,
    })
    const found = setup.stored().find((line) => idOf(line) === idOf(expired)) ?? '{}'
    expect(JSON.parse(found)).toEqual(marked(expired, 'expired'))
  })

  it('of one call that holds all kinds: each goes where it belongs, the indices taken exactly', async () => {
    setup.endpoint.ensure(GROUP, STREAM)
    const border = 14 * DAY
    const lines = [border + 2_000, border + 1_000, border - HOUR, border - 2 * HOUR].map((ms) => ago(ms))
    await push(...lines)
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 4, late: 2 })
    const byId = new Map(setup.stored().map((line) => [idOf(line), line]))
    expect(lines.map((line) => byId.get(idOf(line)) === line)).toEqual([false, false, true, true])
    const ahead = [2 * HOUR - 30_000, 2 * HOUR + 30_000, 3 * HOUR].map((ms) => ago(-ms))
    await push(...ahead)
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 1, deferred: 2 })
  })

  it('fill several calls when their marks make them too many for one', async () => {
    const lines = Array.from({ length: 1_600 }, () => ago(15 * DAY, 628))
    await push(...lines)
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 1_600, late: 1_600 })
    expect(storedIds().sort()).toEqual(lines.map(idOf).sort())
    expect(setup.endpoint.callsOf('PutLogEvents').filter(({ accepted }) => accepted).length).toBeGreaterThan(1)
  })

  it('that only just fit are stored in parts, because the mark makes them too large', async () => {
    setup.endpoint.ensure(GROUP, STREAM)
    const line = ago(15 * DAY, 1_048_550)
    await push(line)
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 1, late: 1 })
    const reader = new EventReader()
    const read = setup.stored().map((message) => reader.push(message))
    expect(read.at(-1)?.line === line).toBe(true)
    expect(read.at(-1)).toMatchObject({ parts: 2, late: 'too_old' })
  })
})

describe('a worker that dies around the late send', () => {
  const steps: [Step, number][] = [
    ['marked', 1],
    ['sent', 1],
    ['answered', 1],
    ['stamped', 1],
    ['sent', 2],
    ['answered', 2],
    ['settling', 1],
    ['settled', 1],
  ]

  it.each(steps)('at %s (%i): the next one neither loses nor doubles an event', async (step, nth) => {
    setup.endpoint.ensure(GROUP, STREAM)
    const lines = [ago(15 * DAY), ago(15 * DAY), ago(14 * DAY + 1_000), ago(14 * DAY - HOUR)]
    await push(...lines)
    expect(await dyingAt(step, nth).flush()).toMatchObject({ outcome: 'failed' })
    const second = await setup.flusher().flush()
    expect(second.outcome).toBe('ok')
    expect(storedIds().sort()).toEqual(lines.map(idOf).sort())
    expect(await readStatus(setup.redis, setup.keys)).toMatchObject({ pending: 0, dead: 0 })
  })

  it('three times in a row: the last one still finds what the first one stored', async () => {
    setup.endpoint.ensure(GROUP, STREAM)
    const lines = [ago(15 * DAY), ago(15 * DAY), ago(15 * DAY)]
    await push(...lines)
    await dyingAt('answered', 2).flush()
    await dyingAt('reconciled', 1).flush()
    await dyingAt('settling', 1).flush()
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 3 })
    expect(storedIds().sort()).toEqual(lines.map(idOf).sort())
  })

  it('with an event that the mark cut into parts: only the absent part is sent again', async () => {
    setup.endpoint.ensure(GROUP, STREAM)
    const line = ago(15 * DAY, 1_048_550)
    await push(line)
    await dyingAt('answered', 2).flush()
    expect(setup.stored()).toHaveLength(1)
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 1 })
    const reader = new EventReader()
    expect(setup.stored()).toHaveLength(2)
    expect(
      setup
        .stored()
        .map((message) => reader.push(message))
        .at(-1)?.line === line,
    ).toBe(true)
  })

  it.each(['resetAfter', 'unavailableAfter', 'htmlAfter'] as const)(
    'a late send whose answer is lost (%s) is read back at its new time, not sent twice',
    async (kind) => {
      setup.endpoint.ensure(GROUP, STREAM)
      setup.endpoint.faults.next('PutLogEvents', { kind: 'none' }, { kind })
      const lines = [ago(15 * DAY), ago(15 * DAY)]
      await push(...lines)
      expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 2, late: 2 })
      expect(storedIds().sort()).toEqual(lines.map(idOf).sort())
    },
  )
})

it('with a clock that is days behind that of AWS, late events get the time of AWS', async () => {
  await setup.close()
  const now = () => Date.now() + 30 * DAY
  setup = await setUpWorker({ now })
  await push(ago(0))
  expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 1, late: 1 })
  const [event] = setup.endpoint.events(GROUP, STREAM)
  expect(Math.abs((event?.timestamp ?? 0) - now())).toBeLessThan(60_000)
})
