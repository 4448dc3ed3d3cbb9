import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { closeLine, isoDate, newEventId, openLine } from '../../../src/event/serialise'
import { readEvent } from '../../../worker/read-event'

const ID = '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000'
const DATE = '2026-11-20T10:00:00.123Z'
const START = `{"v":1,"id":"${ID}","date":"${DATE}","action":"A"`

describe('reading an element of the pending list', () => {
  it('reads what this package writes just as a parser does, whatever the event holds', () => {
    const action = fc.string({ minLength: 1 })
    const ms = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) })
    fc.assert(
      fc.property(action, ms, fc.jsonValue(), (name, at, value) => {
        const id = newEventId()
        const event = { id, date: isoDate(at), action: name, content: { value: JSON.parse(JSON.stringify(value)) } }
        expect(readEvent(closeLine(openLine(event), { pk: '1' }))).toEqual({ kind: 'event', id, timestamp: at })
      }),
    )
  })

  it('reads an event of another producer, in any order and spacing', () => {
    const line = `{ "action": "A", "date": "2026-11-20T11:00:00.123+01:00", "id": "order-7", "v": 1 }`
    expect(readEvent(line)).toEqual({ kind: 'event', id: 'order-7', timestamp: Date.parse(DATE) })
  })

  it.each([
    ['cut off', `${START},"content":{"a":"b`],
    ['cut off inside the action', START.slice(0, -1)],
    ['with an empty action', `{"v":1,"id":"${ID}","date":"${DATE}","action":""}`],
    ['with a date that does not exist', `{"v":1,"id":"${ID}","date":"2026-13-40T10:00:00.123Z","action":"A"}`],
    ['of another version', `{"v":12,"id":"${ID}","date":"${DATE}","action":"A"}`],
    ['with something before it', ` x${START}}`],
    ['followed by a second one', `${START}}\n${START}`],
  ])('a line that begins like our own but is %s is poison', (_, line) => {
    expect(readEvent(line)).toMatchObject({ kind: 'poison', reason: expect.stringMatching(/./) })
  })
})
