import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { endOfValue } from '../../../worker/compact-json'

function isCompactJson(text: string): boolean {
  const bytes = Buffer.from(text)
  // As an element stands among others: what is before and behind it must not matter.
  const all = Buffer.concat([Buffer.from('{"'), bytes, Buffer.from('"a":1}]0')])
  const view = new DataView(all.buffer, all.byteOffset, all.length)
  return endOfValue({ bytes: all, view }, 2, 2 + bytes.length) === 2 + bytes.length
}

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

describe('looking through JSON without building it', () => {
  it('finds every compact text valid that is not very deep', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        expect(isCompactJson(JSON.stringify(value))).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  it('never finds valid what a parser refuses, however a valid text was damaged', () => {
    const damage = fc.record({
      value: fc.jsonValue({ maxDepth: 4 }),
      at: fc.nat(),
      cut: fc.nat({ max: 3 }),
      put: fc.constantFrom(
        '',
        '{',
        '}',
        '[',
        ']',
        '"',
        ',',
        ':',
        '\\',
        '\\u12',
        '0',
        '-',
        '.',
        'e',
        't',
        '\u0000',
        ' ',
      ),
    })
    fc.assert(
      fc.property(damage, ({ value, at, cut, put }) => {
        const text = JSON.stringify({ value })
        const place = at % (text.length + 1)
        const damaged = text.slice(0, place) + put + text.slice(place + cut)
        if (isCompactJson(damaged)) expect(parses(damaged)).toBe(true)
      }),
      { numRuns: 3_000 },
    )
  })

  it.each([
    '',
    '{',
    '{}}',
    '{}{}',
    '[1,]',
    '{"a":1,}',
    '{"a"}',
    '{"a":}',
    '01',
    '1.',
    '-',
    'tru',
    '"\\x"',
    '"\u0001"',
    '"a',
  ])('does not find %j valid', (text) => {
    expect(parses(text)).toBe(false)
    expect(isCompactJson(text)).toBe(false)
  })

  it('leaves the very deep to the parser', () => {
    expect(isCompactJson('['.repeat(50_000) + ']'.repeat(50_000))).toBe(false)
  })

  it('is done with a long text without an end in a moment', () => {
    expect(isCompactJson(`"${'\\n'.repeat(500_000)}`)).toBe(false)
  })
})
