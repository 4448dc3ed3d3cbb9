import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutBatch as cut } from '../../../worker/batch'
import { elementsOf, eventLine, idOf } from '../../support/events'

const cutBatch = (elements: readonly (string | Buffer)[]) => cut(elementsOf(elements))
const MAX_BYTES = 1_048_576
const at = (ms: number, bytes = 0) => eventLine({ date: new Date(ms), bytes })
const sizeOf = (line: string) => Buffer.byteLength(line) + 26

describe('a batch', () => {
  it('is sorted by time, ties in the order of the list', () => {
    const lines = [at(3_000), at(1_000), at(3_000), at(2_000)]
    const { n, entries } = cutBatch(lines)
    expect(n).toBe(4)
    expect(entries.map(({ index }) => index)).toEqual([1, 3, 0, 2])
    expect(entries.map(({ id }) => id)).toEqual([1, 3, 0, 2].map((i) => idOf(lines[i] ?? '')))
  })

  it('holds exactly 1,048,576 bytes, counted as UTF-8 with 26 for each event, and not one more', () => {
    const wide = eventLine({ content: { text: 'é€😀'.repeat(1_000) } })
    const rest = MAX_BYTES - sizeOf(wide)
    const now = Date.now()
    const exact = at(now, rest - 26)
    expect(sizeOf(wide) + sizeOf(exact)).toBe(MAX_BYTES)
    expect(cutBatch([wide, exact]).n).toBe(2)
    expect(cutBatch([wide, at(now, rest - 25)]).n).toBe(1)
  })

  it('holds 10,000 events and not one more', () => {
    const lines = Array.from(
      { length: 10_001 },
      (_, i) => `{"v":1,"id":"${i}","date":"2026-01-01T00:00:00Z","action":"A"}`,
    )
    expect(cutBatch(lines).n).toBe(10_000)
  })

  it('spans 24 hours and not a millisecond more, whichever way round', () => {
    const day = 24 * 60 * 60 * 1000
    expect(cutBatch([at(1_000), at(1_000 + day)]).n).toBe(2)
    expect(cutBatch([at(1_000), at(1_001 + day)]).n).toBe(1)
    expect(cutBatch([at(1_001 + day), at(1_000)]).n).toBe(1)
  })

  it('takes an event of the greatest size that CloudWatch takes whole; a larger one is alone, in parts', () => {
    expect(cutBatch([at(1_000, 1_048_550)])).toMatchObject({ n: 1, large: false, entries: [{ index: 0 }] })
    const large = at(1_000, 1_048_551)
    const alone = cutBatch([large, at(2_000)])
    expect(alone).toMatchObject({ n: 1, large: true, poison: [] })
    expect(alone.entries.map(({ key }) => key)).toEqual([`${idOf(large)}#1/2`, `${idOf(large)}#2/2`])
    expect(cutBatch([at(2_000), large])).toMatchObject({ n: 1, large: false })
    expect(cutBatch(['poison', large])).toMatchObject({ n: 2, large: true, poison: [{ index: 0 }] })
  })

  it.each([
    ['in its middle', (line: string) => Buffer.from(line.replace('"padding', '"\xff'), 'latin1')],
    ['at its end', (line: string) => Buffer.concat([Buffer.from(line), Buffer.from([0xc3])])],
    ['at its beginning', (line: string) => Buffer.concat([Buffer.from([0xbc]), Buffer.from(line)])],
  ])('takes an element that is no UTF-8 %s for poison, whatever stands beside it', (_, spoil) => {
    const spoilt = spoil(at(1_000))
    // Beside these, what is no character of its own completes one.
    for (const lines of [
      [spoilt, at(2_000)],
      [Buffer.concat([Buffer.from(at(2_000)), Buffer.from([0xc3])]), spoilt],
    ]) {
      const { n, entries, poison } = cutBatch(lines)
      const index = lines.indexOf(spoilt)
      expect(n).toBe(2)
      expect(poison).toContainEqual({ index, reason: 'not UTF-8' })
      expect(entries.map((entry) => entry.index)).not.toContain(index)
    }
  })

  it.each([
    ['cut off behind a brace', eventLine().slice(0, -1)],
    ['no JSON in its middle', eventLine().replace('"content"', '"content')],
    ['not JSON', '{"v":1,"id":"a","date":"2026-01-01T00:00:00.000Z","action":"A",}'],
    ['nothing', ''],
    ['a list', '[]'],
    ['null', 'null'],
    ['a string', '"event"'],
    ['a future version', '{"v":2,"id":"a","date":"2026-01-01T00:00:00.000Z","action":"A"}'],
    ['without id', '{"v":1,"date":"2026-01-01T00:00:00.000Z","action":"A"}'],
    ['without action', '{"v":1,"id":"a","date":"2026-01-01T00:00:00.000Z"}'],
    ['without date', '{"v":1,"id":"a","action":"A"}'],
    ['with a date that is none', '{"v":1,"id":"a","date":"soon","action":"A"}'],
    ['with a date before 1970', '{"v":1,"id":"a","date":"1969-12-31T23:59:59.999Z","action":"A"}'],
  ])('an element that is %s is poison with a reason, and blocks nothing', (_, line) => {
    const { n, entries, poison } = cutBatch([line, at(1_000)])
    expect(n).toBe(2)
    expect(entries).toHaveLength(1)
    expect(poison).toEqual([{ index: 0, reason: expect.stringMatching(/./) }])
  })

  it('keeps every limit, loses nothing and takes at least one, whatever the list holds', () => {
    const element = fc.oneof(
      fc.record({ ms: fc.integer({ min: 0, max: 3 * 86_400_000 }), bytes: fc.integer({ min: 0, max: 400_000 }) }),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.array(element, { minLength: 1, maxLength: 40 }), (elements) => {
        const lines = elements.map((part) => (typeof part === 'string' ? part : at(part.ms, part.bytes)))
        const { n, entries, poison } = cutBatch(lines)
        const times = entries.map(({ timestamp }) => timestamp)
        expect(n).toBeGreaterThan(0)
        expect([...entries, ...poison].map(({ index }) => index).sort((a, b) => a - b)).toEqual([...Array(n).keys()])
        expect(entries.reduce((sum, { line }) => sum + sizeOf(line), 0)).toBeLessThanOrEqual(MAX_BYTES)
        expect(times).toEqual([...times].sort((a, b) => a - b))
        if (times.length > 0) expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(86_400_000)
      }),
      { numRuns: 60 },
    )
  })
})
