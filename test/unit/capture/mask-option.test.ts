import { describe, expect, it } from 'vitest'
import { checkOptions } from '../../../src/capture/decoration'
import { uniteMasks } from '../../../src/capture/mask-option'

const modeOf = (mask: unknown) => {
  const { mask: names, maskModes } = checkOptions('Account', { mask })
  return { names, modes: Object.fromEntries([...(maskModes ?? [])].map(([name, { mode }]) => [name, mode])) }
}

describe('the mask of an entity', () => {
  it('is a list of properties, or a mode for each', () => {
    expect(modeOf(['iban', 'card.number'])).toEqual({ names: ['iban', 'card.number'], modes: {} })
    expect(modeOf({ iban: 'hash', pin: 'redact', card: 'partial:6', memo: 'remove', tokenCount: 'allow' })).toEqual({
      names: ['iban', 'pin', 'card', 'memo'],
      modes: { iban: 'hash', card: 'partial', memo: 'remove', tokenCount: 'allow' },
    })
    expect(checkOptions('Account', { mask: { card: 'partial:6' } }).maskModes?.get('card')?.keep).toBe(6)
    expect(modeOf(undefined)).toEqual({ names: [], modes: {} })
  })

  it.each([
    [[]],
    [{}],
    ['iban'],
    [{ iban: 'encrypt' }],
    [{ iban: 'hash:3' }],
    [{ iban: true }],
    [{ '': 'hash' }],
    [[5]],
    [null],
    [{ card: 'partial:99' }],
  ])('refuses %j where the class is defined', (mask) => {
    expect(() => checkOptions('Account', { mask })).toThrow(/AUDIT_DECORATION_INVALID.*mask.*list of property names/s)
  })

  it('of classes in one table: what they do not agree on is ***, and what one does not allow is not allowed', () => {
    const [one, other] = [
      checkOptions('A', { mask: { iban: 'hash', memo: 'remove', tokenCount: 'allow', pinned: 'allow' } }),
      checkOptions('B', { mask: { iban: 'hash', memo: 'hash', tokenCount: 'allow' } }),
    ]
    const { mask, maskModes } = uniteMasks([one, other])
    expect(mask).toEqual(['iban', 'memo'])
    expect([...(maskModes ?? [])].map(([name, { mode }]) => [name, mode])).toEqual([
      ['iban', 'hash'],
      ['tokenCount', 'allow'],
    ])
  })
})
