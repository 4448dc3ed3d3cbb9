import { describe, expect, it } from 'vitest'
import { EventReader, readEvents } from '../../../src/reader'
import { cutBatch } from '../../../worker/batch'
import { elementsOf, eventLine, idOf } from '../../support/events'

const large = eventLine({ content: { text: 'Grüße, 世界 😀 '.repeat(150_000) } })
const parts = cutBatch(elementsOf([large])).entries.map((entry) => entry.line)

async function all(messages: string[]) {
  const events = []
  for await (const event of readEvents(messages)) events.push(event)
  return events
}

describe('the reader', () => {
  it('gives events as they were captured, large ones when they are complete, in any order and with others between', async () => {
    const small = [eventLine(), eventLine()]
    const messages = [parts.at(-1) ?? '', small[0] ?? '', ...parts.slice(0, -1).reverse(), small[1] ?? '']
    const read = await all(messages)
    expect(read.map(({ line }) => line === large)).toEqual([false, true, false])
    expect(read.map(({ event }) => event.id)).toEqual([idOf(small[0] ?? ''), idOf(large), idOf(small[1] ?? '')])
    expect(read.map((event) => event.parts)).toEqual([1, parts.length, 1])
  })

  it('gives a large event once, however often its parts come', async () => {
    expect(await all([...parts, ...parts, parts[0] ?? ''])).toHaveLength(1)
  })

  it('gives a late event without the mark, and says that it is late', async () => {
    const line = eventLine()
    const [read] = await all([`${line.slice(0, -1)},"late":{"reason":"too_old"}}`])
    expect(read).toMatchObject({ line, late: 'too_old' })
  })

  it('names the parts that were not read', async () => {
    await expect(all(parts.slice(1))).rejects.toMatchObject({
      code: 'AUDIT_PARTS_INCOMPLETE',
      message: expect.stringContaining(`${idOf(large)}: 1 of ${parts.length}`),
    })
    const reader = new EventReader()
    for (const part of parts.slice(1)) expect(reader.push(part)).toBeUndefined()
    expect(reader.missing()).toEqual([{ id: idOf(large), total: parts.length, missing: [1] }])
  })

  it('refuses parts that somebody changed', () => {
    const changed = (parts[0] ?? '').replace('世界', '世外')
    const reader = new EventReader()
    for (const part of parts.slice(1)) reader.push(part)
    expect(() => reader.push(changed)).toThrow(expect.objectContaining({ code: 'AUDIT_PARTS_CORRUPT' }))
    const both = new EventReader()
    both.push(parts[0] ?? '')
    expect(() => both.push(changed)).toThrow(expect.objectContaining({ code: 'AUDIT_PARTS_CORRUPT' }))
  })

  it.each(['no JSON', '[]', 'null', '{"v":2,"id":"a"}', '{"v":1}'])(
    'refuses a message that is no event: %s',
    (message) => {
      expect(() => new EventReader().push(message)).toThrow(expect.objectContaining({ code: 'AUDIT_MESSAGE_INVALID' }))
    },
  )

  it('takes an event of the application that only looks as if it had a part for what it is', async () => {
    const line = eventLine({ content: { part: { number: 1, total: 2, sha256: 'x', text: 'y' } } })
    expect((await all([line])).map((event) => event.line)).toEqual([line])
  })
})
