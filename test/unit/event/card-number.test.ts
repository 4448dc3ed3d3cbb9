import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { maskCardNumbers } from '../../../src/event/card-number'

const CARD = '4111111111111111'

/** Of the form of a UUID, mostly digits: one in a few of them has a card number's digits in its groups. */
const uuid = fc
  .tuple(...[8, 4, 4, 4, 12].map((length) => hex(length)))
  .map((groups) => groups.join('-'))
  .filter((text) => /[a-f]/i.test(text))

function hex(length: number): fc.Arbitrary<string> {
  const digit = fc.constantFrom(...'0123456789'.repeat(6), ...'abcdefABCDEF')
  return fc.string({ unit: digit, minLength: length, maxLength: length })
}

describe('UUIDs', () => {
  it.each([
    ['four groups of digits', 'a5e4f13d-4111-4111-8111-9eec503a9f58'],
    ['the end of the first group', 'a5ef2111-4111-4111-8118-deec503a9f58'],
    ['in capitals', 'A5E4F13D-4111-4111-8111-9EEC503A9F58'],
  ])('are left as they are: %s', (_, text) => {
    expect(maskCardNumbers(text)).toBe(text)
    expect(maskCardNumbers(`/orders/${text}?page=2`)).toBe(`/orders/${text}?page=2`)
    expect(maskCardNumbers(`%2F${text}`)).toBe(`%2F${text}`)
  })

  it('are left whatever is in them', () => {
    fc.assert(
      fc.property(uuid, (text) => maskCardNumbers(text) === text),
      { numRuns: 5000 },
    )
  })

  it('hide no card number beside them, or one that their form is pretended for', () => {
    const id = 'a5e4f13d-4111-4111-8111-9eec503a9f58'
    expect(maskCardNumbers(`${id} ${CARD} ${id}`)).toBe(`${id} *** ${id}`)
    expect(maskCardNumbers(`${id}:4111-1111-1111-1111`)).toBe(`${id}:***`)
    expect(maskCardNumbers(`a5e4f13d-1234-1234-1234-${CARD}`)).toBe('a5e4f13d-1234-1234-1234-***')
  })
})
