import { expect, it } from 'vitest'
import { BUFFER_LIMITS, LineBuffer } from '../../../src/queue/line-buffer'

function filled(lines: readonly string[]): LineBuffer {
  const buffer = new LineBuffer()
  for (const line of lines) expect(buffer.add(line)).toBe(true)
  return buffer
}

it('gives lines out oldest first and counts what arrived', () => {
  const buffer = filled(['a', 'b', 'c'])
  expect(buffer.take(2)).toEqual(['a', 'b'])
  expect({ waiting: buffer.length, settled: buffer.settled }).toEqual({ waiting: 1, settled: 0 })
  buffer.settle()
  expect(buffer.take(2)).toEqual(['c'])
  buffer.settle()
  expect({ waiting: buffer.length, settled: buffer.settled }).toEqual({ waiting: 0, settled: 3 })
})

it('refuses a line beyond the bound in bytes, those under way included, until they arrive', () => {
  const half = 'x'.repeat(BUFFER_LIMITS.bytes / 4)
  const buffer = filled([half, half])
  buffer.take(1)
  expect(buffer.add('y')).toBe(false)
  buffer.settle()
  expect(buffer.add('y')).toBe(true)
})

it('takes a line larger than the whole bound when it is alone: refused, it could never be recorded', () => {
  const buffer = filled(['x'.repeat(BUFFER_LIMITS.bytes)])
  expect(buffer.add('y')).toBe(false)
})

it('keeps the order under a steady load that never empties it', () => {
  const buffer = new LineBuffer()
  const out: string[] = []
  for (let i = 0; i < 10_000; i += 1) {
    buffer.add(`${2 * i}`)
    buffer.add(`${2 * i + 1}`)
    out.push(...buffer.take(1))
    buffer.settle()
  }
  expect(out).toEqual(Array.from({ length: 10_000 }, (_, i) => String(i)))
  expect(buffer.clear()).toBe(10_000)
})
