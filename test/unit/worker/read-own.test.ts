import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { closeLine, isoDate, newEventId, openLine } from '../../../src/event/serialise'
import { readEvent } from '../../../worker/read-event'
import { idOfOwn, readOwn } from '../../../worker/read-own'

const ID = '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000'
const DATE = '2026-11-20T10:00:00.123Z'
const START = `{"v":1,"id":"${ID}","date":"${DATE}","action":"A"`

/** Among other elements, as it is read. */
function placeOf(line: string) {
  const [before, element, after] = [Buffer.from('{"x":"é"}'), Buffer.from(line), Buffer.from(`${START}}`)]
  const bytes = Buffer.concat([before, element, after])
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return { bytes, view, start: before.length, end: before.length + element.length }
}

/** Undefined when it is left to the parser. */
function read(line: string): { id: string; timestamp: number } | undefined {
  const place = placeOf(line)
  const timestamp = readOwn(place)
  return timestamp === -1 ? undefined : { id: idOfOwn(place), timestamp }
}

const anyLine = fc
  .record({
    action: fc.string({ minLength: 1, unit: 'grapheme' }),
    ms: fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }),
    value: fc.jsonValue(),
  })
  .map(({ action, ms, value }) => {
    const event = { id: newEventId(), date: isoDate(ms), action, content: { value: JSON.parse(JSON.stringify(value)) } }
    return { line: closeLine(openLine(event), { pk: '1' }), id: event.id, timestamp: ms }
  })

describe('reading an event as this package writes it', () => {
  it('finds every one, with its id and its time', () => {
    fc.assert(
      fc.property(anyLine, ({ line, id, timestamp }) => {
        expect(read(line)).toEqual({ id, timestamp })
      }),
      { numRuns: 500 },
    )
  })

  it('says what a parser says or nothing, however a line was damaged', () => {
    const damage = fc.record({
      event: anyLine,
      at: fc.nat(),
      cut: fc.nat({ max: 4 }),
      put: fc.constantFrom('', '0', '9', '-', '"', '\\', '{', '}', ',', ':', ' ', '\n', 'é', ',"id":"x"', ',"part":1'),
    })
    fc.assert(
      fc.property(damage, ({ event: { line }, at, cut, put }) => {
        const place = at % (line.length + 1)
        const damaged = line.slice(0, place) + put + line.slice(place + cut)
        const found = read(damaged)
        if (found === undefined) return
        const { kind, id, timestamp, part } = readEvent(damaged) as Extract<
          ReturnType<typeof readEvent>,
          { kind: 'event' }
        >
        expect({ kind, part, id, timestamp }).toEqual({ kind: 'event', part: undefined, ...found })
      }),
      { numRuns: 5_000 },
    )
  })

  it.each([
    ['cut off', `${START},"content":{"a":"b`],
    ['cut off inside the action', START.slice(0, -1)],
    ['with an empty action', `{"v":1,"id":"${ID}","date":"${DATE}","action":""}`],
    ['of another version', `{"v":12,"id":"${ID}","date":"${DATE}","action":"A"}`],
    ['with a date that does not exist', `{"v":1,"id":"${ID}","date":"2026-13-40T10:00:00.123Z","action":"A"}`],
    ['with a date before 1970', `{"v":1,"id":"${ID}","date":"1969-12-31T23:59:59.999Z","action":"A"}`],
    ['with a second id', `${START},"id":"other"}`],
    ['with a second date', `${START},"date":"2020-01-01T00:00:00.000Z"}`],
    ['with a second id, in another spelling', `${START},"\\u0069d":"other"}`],
    ['a part of a large one', `${START},"part":{"number":1}}`],
    ['written with spaces', `${START}, "content":1}`],
    ['followed by a second one', `${START}}${START}}`],
    ['with a control character', `${START},"content":"\u0001"}`],
  ])('leaves an event %s to the parser', (_, line) => {
    expect(read(line)).toBeUndefined()
  })

  it('knows the days of every month as a parser does', () => {
    for (let day = 1; day <= 31; day += 1) {
      for (const month of ['02', '04', '12']) {
        const date = `2027-${month}-${String(day).padStart(2, '0')}T23:59:59.999Z`
        const found = read(`{"v":1,"id":"${ID}","date":"${date}","action":"A"}`)
        expect(found?.timestamp ?? Number.NaN, date).toBe(Date.parse(date))
      }
    }
  })
})
