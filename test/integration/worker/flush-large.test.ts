import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readEvents } from '../../../src/reader'
import { readStatus } from '../../../worker/status'
import type { Step } from '../../../worker/step'
import { eventLine, idOf } from '../../support/events'
import { environmentFor, peakMemoryMb, spawnWorker } from '../../support/processes'
import { build } from '../../support/shared'
import { waitFor } from '../../support/wait-for'
import { GROUP, STREAM, setUpWorker, type WorkerSetup } from '../../support/worker-setup'

const MB = 1024 * 1024
const HOUR = 60 * 60 * 1000
let setup: WorkerSetup

beforeEach(async () => {
  setup = await setUpWorker()
  setup.endpoint.ensure(GROUP, STREAM)
})
afterEach(() => setup.close())

const push = (...lines: string[]) => setup.redis.rpush(setup.keys.pending, ...lines)
const text = (bytes: number) => '界é😀"\\\n'.repeat(bytes / 15)
const large = (megabytes: number, date = new Date()) => eventLine({ date, content: { text: text(megabytes * MB) } })

/** What a reader of the stream gets; throws when parts are missing or do not fit. */
async function read() {
  const lines: string[] = []
  for await (const { line } of readEvents(setup.stored())) lines.push(line)
  return lines
}

const keys = () =>
  setup.stored().map((line) => {
    const { id, part } = JSON.parse(line) as { id: string; part?: { number: number } }
    return `${id} ${part?.number ?? ''}`
  })

describe('events larger than CloudWatch takes', () => {
  it('arrive whole, between small ones, and nothing is a dead letter', async () => {
    const lines = [eventLine(), large(2.5), eventLine(), large(1.1), large(4), eventLine()]
    await push(...lines)
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 6, dead: 0 })
    expect((await read()).sort()).toEqual([...lines].sort())
    expect(setup.endpoint.callsOf('PutLogEvents').every(({ accepted }) => accepted)).toBe(true)
    expect(await readStatus(setup.redis, setup.keys)).toMatchObject({ pending: 0, dead: 0 })
  })

  it('of 50 MB arrive whole', { timeout: 60_000 }, async () => {
    const line = large(51)
    expect(Buffer.byteLength(line)).toBeGreaterThan(50 * MB)
    await push(line, eventLine())
    expect(await setup.flusher({ leaseMs: 20_000, requestTimeoutMs: 10_000 }).flush()).toMatchObject({
      outcome: 'ok',
      stored: 2,
    })
    expect((await read())[0] === line).toBe(true)
  })

  const steps: [Step, number][] = [
    ['marked', 1],
    ['sent', 1],
    ['answered', 1],
    ['sent', 2],
    ['answered', 2],
    ['answered', 3],
    ['settling', 1],
  ]
  it.each(steps)('a worker that dies at %s (%i): each part is stored once in the end', async (step, nth) => {
    const lines = [large(2.5), eventLine()]
    await push(...lines)
    let times = 0
    const dying = setup.flusher({}, (at) => {
      if (at === step) times += 1
      if (at === step && times === nth) throw new Error('killed')
    })
    expect(await dying.flush()).toMatchObject({ outcome: 'failed' })
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 2 })
    expect(new Set(keys()).size).toBe(keys().length)
    expect((await read()).sort()).toEqual([...lines].sort())
  })

  it.each(['resetAfter', 'resetBefore', 'throttle', 'hangAfter'] as const)(
    '%s on one part: it is stored once',
    async (kind) => {
      setup.endpoint.faults.next('PutLogEvents', { kind: 'none' }, { kind })
      const line = large(2.5)
      await push(line)
      expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 1 })
      expect(new Set(keys()).size).toBe(keys().length)
      expect((await read())[0] === line).toBe(true)
    },
  )

  it('too new: deferred whole; too old: stored late in parts', async () => {
    const old = large(2, new Date(Date.now() - 400 * HOUR))
    const early = large(2, new Date(Date.now() + 4 * HOUR))
    await push(old, early)
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 1, late: 1, deferred: 1, dead: 0 })
    expect((await read())[0] === old).toBe(true)
    const [member = ''] = await setup.redis.zrange(setup.keys.deferred, 0, -1)
    expect(member.endsWith(`\n${early}`)).toBe(true)
  })

  it('one whose part is refused is one dead letter, whole, with its reason', async () => {
    const [line, small] = [large(2.5), eventLine()]
    const refused = ({ body }: { body: unknown }) => JSON.stringify(body).includes('number\\":2')
    setup.endpoint.faults.when('PutLogEvents', refused, { kind: 'tooLarge' })
    await push(line, small)
    expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 1, dead: 1 })
    const [letter = ''] = await setup.redis.lrange(setup.keys.dead, 0, -1)
    expect(letter.endsWith(`\n${line}`)).toBe(true)
    expect(setup.stored().map(idOf)).toContain(idOf(small))
  })
})

it('a worker needs a small multiple of the size of one large event, however many wait', {
  timeout: 180_000,
}, async () => {
  await build()
  const lines = [large(50), large(50)]
  for (const line of lines) await push(line)
  const worker = spawnWorker(environmentFor(setup.server.url, setup.endpoint))
  try {
    const isDone = async () => (await setup.redis.llen(setup.keys.pending)) === 0
    await waitFor(isDone, { what: 'both events of 50 MB to be stored', timeoutMs: 150_000 })
    expect(peakMemoryMb(worker.pid)).toBeLessThan(700)
  } finally {
    await worker.kill('SIGKILL')
  }
  expect((await read()).sort()).toEqual([...lines].sort())
})
