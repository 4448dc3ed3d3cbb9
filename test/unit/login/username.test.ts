import { describe, expect, it } from 'vitest'
import { looksLikePassword, shownUsername } from '../../../src/login/username'

const KEY = 'a key of this test'

describe('a name that was tried in vain', () => {
  it.each([
    'ann',
    'ann.miller',
    'Ann Miller',
    'ann@example.org',
    'ACME\\ann',
    'ann+test@example.org',
    "o'neill",
    'anna1985',
    'Anna1985',
    'JMcSmith01',
    'SERVER01$',
    '+49 170 1234567',
    '00491701234567',
    '0199b0a1-5bd1-7c00-8000-000000000000',
    'Łukasz',
    '王小明',
  ])('%j is shown', (name) => {
    expect(looksLikePassword(name)).toBe(false)
    expect(shownUsername(name, ['secret'], 'cautious', undefined)).toBe(name)
  })

  it.each(['Passw0rd', 'Passw0rd!', 'hunter2$hunter', 'xK9mQ2vLp', 'correct horse battery staple', 'Tr0ub4dor&3'])(
    '%j is masked: it looks like a password in the wrong field',
    (name) => {
      expect(shownUsername(name, [], 'cautious', undefined)).toBe('***')
      expect(shownUsername(name, [], 'plain', undefined)).toBe(name)
    },
  )

  it('is masked where it contains the password of the same attempt', () => {
    expect(shownUsername('ann', ['ann'], 'plain', undefined)).toBe('***')
    expect(shownUsername('ann hunter2', ['hunter2'], 'cautious', undefined)).toBe('ann ***')
  })

  it('is hashed with the key, so that equal names stay equal, or masked without one', () => {
    const hashes = ['ann', 'ann', 'eve'].map((name) => shownUsername(name, [], 'hash', KEY))
    expect(hashes[0]).toMatch(/^hmac:[0-9a-f]{64}$/)
    expect(new Set(hashes).size).toBe(2)
    expect(shownUsername('ann', [], 'hash', undefined)).toBe('***')
    expect(shownUsername('ann', [], 'mask', KEY)).toBe('***')
    expect(shownUsername('ann', [], (name) => `${name}!`, KEY)).toBe('ann!')
  })

  it('is cut when it is longer than any name, and never inside a character', () => {
    expect(shownUsername('a'.repeat(100_000), [], 'cautious', undefined)).toBe(`${'a'.repeat(256)}…`)
    const shown = shownUsername(`${'a'.repeat(255)}😀😀`, [], 'plain', undefined) ?? ''
    expect(shown.isWellFormed()).toBe(true)
  })
})
