import { afterEach, beforeEach, expect, it } from 'vitest'
import { readStatus } from '../../../worker/status'
import { eventLine } from '../../support/events'
import { setUpWorker, type WorkerSetup } from '../../support/worker-setup'

let setup: WorkerSetup

beforeEach(async () => {
  setup = await setUpWorker()
})
afterEach(() => setup.close())

const at = (line: string, bytes: number[]) => {
  const [head = '', tail = ''] = line.split('HERE')
  return Buffer.concat([Buffer.from(head), Buffer.from(bytes), Buffer.from(tail)])
}

/** What stands in the dead letters, header and element apart, as bytes. */
async function letters() {
  const all = await setup.redis.lrangeBuffer(setup.keys.dead, 0, -1)
  return all.map((letter) => {
    const end = letter.indexOf('\n')
    return { header: JSON.parse(letter.subarray(0, end).toString()), element: letter.subarray(end + 1) }
  })
}

it('every kind of poison is a dead letter byte for byte, with its reason, and blocks nothing', async () => {
  const event = eventLine({ content: { text: 'HERE' } })
  const poison = [
    at(event, [0xff]),
    at(event, [0xc3]), // cut off in the middle of é
    at(event, [0xf0, 0x9f, 0x98]), // 😀 without its last byte: as long as the character that would replace it
    at(event, [0xed, 0xa0, 0x80]), // a surrogate on its own
    Buffer.from([0x80, 0x00, 0xfe]),
    Buffer.from(''),
    Buffer.from('\n\n'),
    Buffer.from('a\0b'),
    Buffer.from(eventLine().slice(0, -1)),
    Buffer.from(eventLine().replace('"v":1', '"v":2')),
    Buffer.from('{"v":1,"id":"x","date":"2026-01-01T00:00:00Z"}'),
    Buffer.from('[]'),
  ]
  const good = [eventLine({ content: { text: '\ufffd is a character too' } }), eventLine()]
  for (const [i, element] of poison.entries()) {
    await setup.redis.rpush(setup.keys.pending, element)
    if (i === 3) await setup.redis.rpush(setup.keys.pending, ...good)
  }
  expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 2, dead: poison.length })
  const dead = await letters()
  expect(dead.map(({ element }) => element.toString('hex'))).toEqual(poison.map((element) => element.toString('hex')))
  expect(dead.every(({ header }) => header.reason === 'not_an_event' && header.detail !== '')).toBe(true)
  expect(dead[0]?.header.detail).toBe('not UTF-8')
  expect(setup.stored()).toEqual(good)
  expect(await readStatus(setup.redis, setup.keys)).toMatchObject({ pending: 0, inFlight: 0 })
})

it('poison that is larger than CloudWatch takes is one dead letter, whole', async () => {
  const huge = Buffer.concat([Buffer.from([0xff]), Buffer.alloc(3_000_000, 'x')])
  await setup.redis.rpush(setup.keys.pending, huge, eventLine(), Buffer.alloc(2_000_000, '['))
  expect(await setup.flusher().flush()).toMatchObject({ outcome: 'ok', stored: 1, dead: 2 })
  expect((await letters())[0]?.element.equals(huge)).toBe(true)
})
