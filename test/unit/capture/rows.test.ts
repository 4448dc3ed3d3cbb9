import { describe, expect, it } from 'vitest'
import { sameRows } from '../../../src/capture/rows/row'

describe('whether a row has changed', () => {
  it.each([
    ['dates that JavaScript has not (MySQL: 0000-00-00)', [new Date(Number.NaN)], [new Date(Number.NaN)], true],
    ['such a date and another', [new Date(Number.NaN)], [new Date(0)], false],
    ['documents', [{ a: [1] }], [{ a: [1] }], true],
    ['bytes', [Buffer.from('a')], [Buffer.from('b')], false],
    ['a number and its text', [1], ['1'], false],
  ])('%s', (_, before, after, same) => expect(sameRows(before, after)).toBe(same))
})
