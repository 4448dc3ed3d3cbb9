import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventReader } from '../../../src/reader'
import { cutBatch } from '../../../worker/batch'
import { cutCalls } from '../../../worker/cut-calls'
import { lateCopies } from '../../../worker/late'
import { readEvent } from '../../../worker/read-event'
import { splitEvent } from '../../../worker/split-event'
import { elementsOf, eventLine, idOf } from '../../support/events'

const MAX_BYTES = 1_048_576
const MB = 1024 * 1024
const bytesOf = (line: string) => Buffer.byteLength(line) + 26
const partsOf = (line: string) => cutBatch(elementsOf([line])).entries

/** About so many bytes of characters of one, two, three and four bytes, and of those that JSON escapes. */
function multiByte(bytes: number, shift = 0): string {
  const unit = 'aé€😀"\\\n\u0001世界'
  return 'x'.repeat(shift) + unit.repeat(Math.ceil(bytes / Buffer.byteLength(unit)))
}

function joined(messages: readonly string[]) {
  const reader = new EventReader()
  const read = messages.map((message) => reader.push(message)).filter((event) => event !== undefined)
  expect(reader.missing()).toEqual([])
  return read
}

describe('a large event', () => {
  it.each([1 / 1024, 0.5, 0.999, 1, 1.5, 2, 5, 50])(
    'of about %d MB is joined again, byte for byte',
    (size) => {
      const line = eventLine({ content: { text: multiByte(size * MB * 0.75) } })
      const entries = partsOf(line)
      const messages = entries.map((entry) => entry.line)
      expect(messages.every((message) => bytesOf(message) <= MAX_BYTES)).toBe(true)
      const [read] = joined(messages)
      expect(read?.line === line).toBe(true)
      expect(read?.parts).toBe(messages.length)
      if (bytesOf(line) <= MAX_BYTES) expect(messages).toEqual([line])
      else expect(messages.length).toBeGreaterThan(1)
    },
    60_000,
  )

  it('is cut at code points wherever the limit falls, and fills its parts', () => {
    for (let shift = 0; shift < 6; shift += 1) {
      const line = eventLine({ content: { text: multiByte(1.2 * MB, shift) } })
      const entries = partsOf(line)
      for (const { line: message } of entries) {
        const { text } = (JSON.parse(message) as { part: { text: string } }).part
        expect(text.isWellFormed()).toBe(true)
      }
      expect(entries[0]?.bytes).toBeGreaterThan(MAX_BYTES - 100)
      expect(joined(entries.map((entry) => entry.line))[0]?.line === line).toBe(true)
    }
  })

  it('has parts that are events themselves, with id, date, action, number, total and the SHA-256 of the whole', () => {
    const line = eventLine({ bytes: 2 * MB, action: 'REPORT "A"' })
    const { id, date } = JSON.parse(line) as { id: string; date: string }
    const documents = partsOf(line).map((entry) => JSON.parse(entry.line))
    const sha256 = createHash('sha256').update(line).digest('hex')
    expect(documents).toEqual(
      [1, 2, 3].map((number) => ({
        v: 1,
        id,
        date,
        action: 'REPORT "A"',
        part: { number, total: 3, sha256, text: expect.any(String) },
      })),
    )
    for (const { line: message } of partsOf(line)) {
      expect(message).not.toContain('\n')
      expect(readEvent(message)).toMatchObject({ kind: 'event', id, timestamp: Date.parse(date) })
    }
  })

  it('gives the same parts each time, whoever cuts it, and counts their bytes right', () => {
    const line = eventLine({ content: { text: multiByte(3 * MB) } })
    const [once, twice] = [partsOf(line), partsOf(line)]
    expect(once.map(({ key }) => key)).toEqual(twice.map(({ key }) => key))
    expect(once.map((entry) => entry.line)).toEqual(twice.map((entry) => entry.line))
    for (const entry of once) expect(bytesOf(entry.line)).toBe(entry.bytes)
  })

  it('keeps its parts within the limit when they are marked late, and so is an event that only just fits', () => {
    const large = eventLine({ content: { text: multiByte(2 * MB) } })
    const exact = eventLine({ bytes: MAX_BYTES - 26 })
    for (const line of [large, exact]) {
      const now = Date.now()
      const copies = partsOf(line).flatMap((entry) => lateCopies(entry, 'expired', now))
      for (const copy of copies) {
        expect(bytesOf(copy.line)).toBeLessThanOrEqual(MAX_BYTES)
        expect(bytesOf(copy.line)).toBeLessThanOrEqual(copy.bytes)
        expect(copy.timestamp).toBe(now)
        expect(JSON.parse(copy.line).late).toEqual({ reason: 'expired' })
      }
      const [read] = joined(copies.map((copy) => copy.line))
      expect(read?.line === line).toBe(true)
      expect(read?.late).toBe('expired')
    }
  })

  it('does not repeat a date or an action of absurd length in every part', () => {
    const action = 'A'.repeat(2 * MB)
    const line = eventLine({ action })
    const messages = partsOf(line).map((entry) => entry.line)
    expect(messages.every((message) => bytesOf(message) <= MAX_BYTES)).toBe(true)
    expect(joined(messages)[0]?.event.action).toBe(action)
  })

  it('is cut right whatever text it holds', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 200 }), { maxLength: 20 }), (texts) => {
        // Repeated, so that cuts fall everywhere in it.
        const line = eventLine({ content: { text: texts.join('').repeat(2_000), filler: 'é'.repeat(600_000) } })
        const entries = splitEvent({ index: 0, id: idOf(line), timestamp: 1, date: 'd', action: 'A', line })
        for (const entry of entries) expect(bytesOf(entry.line)).toBeLessThanOrEqual(MAX_BYTES)
        expect(joined(entries.map((entry) => entry.line))[0]?.line === line).toBe(true)
      }),
      { numRuns: 5 },
    )
  })
})

describe('cutting entries into calls', () => {
  it('keeps every limit and every entry, in order', () => {
    const sizes = fc.record({ bytes: fc.integer({ min: 27, max: MAX_BYTES }), ms: fc.integer({ min: 0, max: 2e8 }) })
    fc.assert(
      fc.property(fc.array(sizes, { maxLength: 50 }), (list) => {
        const entries = list
          .map(({ bytes, ms }, index) => ({ index, id: `${index}`, key: `${index}`, timestamp: ms, line: '', bytes }))
          .sort((a, b) => a.timestamp - b.timestamp)
        const calls = cutCalls(entries)
        expect(calls.flat()).toEqual(entries)
        for (const call of calls) {
          expect(call.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(MAX_BYTES)
          expect((call.at(-1)?.timestamp ?? 0) - (call[0]?.timestamp ?? 0)).toBeLessThanOrEqual(86_400_000)
        }
      }),
    )
    const many = Array.from({ length: 10_001 }, (_, index) => ({
      index,
      id: `${index}`,
      key: `${index}`,
      timestamp: 1,
      line: '',
      bytes: 30,
    }))
    expect(cutCalls(many).map((call) => call.length)).toEqual([10_000, 1])
  })
})
