import { expect, it } from 'vitest'
import { LineBuffer } from '../../../src/queue/line-buffer'

const LIMITS = { events: 1_000_000, bytes: 4_000 }
const MANY = { most: 1_000, bytes: 1_000_000 }

function filled(lines: readonly string[], limits = LIMITS): LineBuffer {
  const buffer = new LineBuffer(limits)
  for (const line of lines) expect(buffer.add(line)).toBe(true)
  return buffer
}

it('gives lines out oldest first and counts what has not arrived', () => {
  const buffer = filled(['a', 'b', 'c'])
  expect(buffer.take(2, MANY.bytes)).toEqual(['a', 'b'])
  expect({ length: buffer.length, held: buffer.held }).toEqual({ length: 1, held: 3 })
  buffer.settle()
  expect(buffer.take(2, MANY.bytes)).toEqual(['c'])
  buffer.settle()
  expect({ length: buffer.length, held: buffer.held }).toEqual({ length: 0, held: 0 })
})

it('refuses a line beyond the bound in number, those under way included, until they arrive', () => {
  const buffer = filled(['a', 'b'], { events: 2, bytes: 4_000 })
  buffer.take(1, MANY.bytes)
  expect(buffer.add('c')).toBe(false)
  expect(buffer.hasRoomFor(1)).toBe(false)
  buffer.settle()
  expect(buffer.hasRoomFor(1)).toBe(true)
  expect(buffer.hasRoomFor(2)).toBe(false)
  expect(buffer.add('c')).toBe(true)
})

it('refuses a line beyond the bound in bytes, those under way included, until they arrive', () => {
  const half = 'x'.repeat(LIMITS.bytes / 4)
  const buffer = filled([half, half])
  buffer.take(1, MANY.bytes)
  expect(buffer.add('y')).toBe(false)
  buffer.settle()
  expect(buffer.add('y')).toBe(true)
})

it('takes a line larger than the whole bound while there is any room: refused, it could never be recorded', () => {
  const buffer = filled(['a', 'x'.repeat(LIMITS.bytes)])
  expect(buffer.add('y')).toBe(false)
})

it('gives out no more bytes than asked for, but always one line', () => {
  const buffer = filled(['x'.repeat(100), 'y'.repeat(100), 'z'])
  expect(buffer.oldest(MANY.most, 50)).toEqual(['x'.repeat(100)])
  expect(buffer.oldest(MANY.most, 400)).toEqual(['x'.repeat(100), 'y'.repeat(100)])
  buffer.remove(2)
  expect(buffer.oldest(MANY.most, 0)).toEqual(['z'])
})

it('keeps the order under a steady load that never empties it', () => {
  const buffer = new LineBuffer({ events: 1_000_000, bytes: 1_000_000_000 })
  const out: string[] = []
  for (let i = 0; i < 10_000; i += 1) {
    buffer.add(`${2 * i}`)
    buffer.add(`${2 * i + 1}`)
    out.push(...buffer.take(1, MANY.bytes))
    buffer.settle()
  }
  expect(out).toEqual(Array.from({ length: 10_000 }, (_, i) => String(i)))
  expect(buffer.held).toBe(10_000)
})
