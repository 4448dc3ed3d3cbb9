import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { isSafePattern } from '../../../config/safe-pattern'
import { type AuditLoggerOptions, AuditSettingsError, loadSettings, loadWorkerSettings } from '../../../config/settings'

const KEY = 'a-key-of-enough-characters'

function rulesOf(variable: string): unknown {
  return loadSettings({}, { AUDIT_LOGGER_MASK: variable, AUDIT_LOGGER_MASK_KEY: KEY }).mask
}

function problemsOf(options: AuditLoggerOptions, environment: Record<string, string> = {}) {
  try {
    loadSettings(options, environment)
    return []
  } catch (error) {
    return (error as AuditSettingsError).problems
  }
}

const redact = { mode: 'redact', keep: 4 }

describe('AUDIT_LOGGER_MASK', () => {
  it('is a list of names and paths, each with an optional mode', () => {
    expect(
      rulesOf('iban, request.body.card.number=partial:6, content.*.token=remove,**.pan=hash, noteCount=allow,'),
    ).toEqual([
      { key: 'iban', ...redact },
      { path: ['request', 'body', 'card', 'number'], mode: 'partial', keep: 6 },
      { path: ['content', '*', 'token'], mode: 'remove', keep: 4 },
      { path: ['**', 'pan'], mode: 'hash', keep: 4 },
      { key: 'noteCount', mode: 'allow', keep: 4 },
    ])
  })

  it('may be JSON, with the long form of a rule', () => {
    expect(rulesOf('["reason", {"key":"weird.name","mode":"remove"}, "value:card-number=partial"]')).toEqual([
      { path: ['reason'], ...redact },
      { key: 'weird.name', mode: 'remove', keep: 4 },
      { value: 'card-number', mode: 'partial', keep: 4 },
    ])
  })

  it('is nothing unless given, and options in code win', () => {
    expect(loadSettings({}, {}).mask).toEqual([])
    expect(loadSettings({ mask: [] }, { AUDIT_LOGGER_MASK: 'iban' }).mask).toEqual([])
    expect(loadSettings({ mask: [/^x-/gi] }, { AUDIT_LOGGER_MASK: 'iban' }).mask).toEqual([{ key: /^x-/i, ...redact }])
  })

  it.each([
    'content..token',
    'nowhere.token',
    '*.**.*',
    '**',
    '*',
    'user.type',
    'instance.model=remove',
    'id.x',
    'content.to*',
    'iban=encrypt',
    'iban=hash:4',
    'iban=partial:0',
    'iban=partial:65',
    'iban=hash=hash',
    '=hash',
    'value:phone',
    'value:card-number=hash',
    '["iban", 5]',
    '[["iban"]]',
    '["iban"',
    '{"key":"iban"}',
    '[{"key":"iban","path":"content.iban"}]',
    '[{"key":"iban","mod":"hash"}]',
    '[{}]',
    '[null]',
    '…',
    `content${'.x'.repeat(40)}`,
  ])('refuses %s, in one problem that says what is accepted', (variable) => {
    const [problem, ...more] = problemsOf({}, { AUDIT_LOGGER_MASK: variable, AUDIT_LOGGER_MASK_KEY: KEY })
    expect(problem).toMatchObject({ option: 'mask', variable: 'AUDIT_LOGGER_MASK' })
    expect(problem?.accepted).toContain('redact, remove, hash, partial')
    expect(more).toEqual([])
  })

  it('refuses more rules than anybody writes', () => {
    expect(problemsOf({ mask: Array.from({ length: 1_001 }, (_, i) => `name${i}`) })).toHaveLength(1)
    expect(loadSettings({ mask: Array.from({ length: 1_000 }, (_, i) => `name${i}`) }, {}).mask).toHaveLength(1_000)
  })

  it('takes settings that were read before', () => {
    const { mask } = loadSettings({ mask: ['iban', 'content.a'] }, {})
    expect(loadSettings({ mask: mask as never }, {}).mask).toEqual(mask)
  })
})

describe('the key of hashes', () => {
  it('is asked for when a rule makes hashes, besides all other problems', () => {
    expect(problemsOf({ mask: ['iban=hash'], logInterval: -1 }).map(({ option, code }) => [option, code])).toEqual([
      ['logInterval', 'AUDIT_SETTING_INVALID'],
      ['maskKey', 'AUDIT_SETTING_MISSING'],
    ])
    const [problem] = problemsOf({}, { AUDIT_LOGGER_MASK: 'iban=hash' })
    expect(problem).toMatchObject({ option: 'maskKey', variable: 'AUDIT_LOGGER_MASK_KEY' })
    expect(problem?.accepted).toContain('mask rules of mode hash need')
  })

  it('is not asked of a worker, and not without such a rule', () => {
    const names = { groupName: 'g', streamName: 's' }
    expect(loadWorkerSettings({ ...names, mask: ['iban=hash'] }, {}).mask).toHaveLength(1)
    expect(problemsOf({ mask: ['iban'] })).toEqual([])
  })

  it('must be long enough not to be guessed, and is never shown', () => {
    const [problem] = problemsOf({ maskKey: 'short-secret' })
    expect(problem).toMatchObject({ option: 'maskKey', given: '***' })
    const settings = loadSettings({ mask: ['iban=hash', /^x-/], maskKey: KEY }, {})
    const shown = JSON.stringify(settings) + inspect(settings)
    expect(shown).not.toContain(KEY)
    expect(JSON.parse(JSON.stringify(settings))).toMatchObject({ mask: ['iban=hash', '/^x-/=redact'], maskKey: '***' })
  })
})

describe('patterns for names', () => {
  it.each([
    /^x-/i,
    /token/,
    /^.*token.*$/,
    /^(?:x|y)-[a-z]+$/,
    /(?<a>b)?c/,
    /^\d{4}$/,
    /\p{Lu}x/u,
    /[(+*)]+a/,
    /a\/b\[c\)/,
  ])('%s is taken', (pattern) => expect(isSafePattern(pattern)).toBe(true))

  it.each([
    /(a+)+$/,
    /(a|a)*$/,
    /(a|b){2,}c/,
    /(?:a?){30}a{30}/,
    /a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?b/,
    /a*a*a*b/,
    /(a)\1/,
    /(?<n>a)\k<n>/,
    /(?=a)b/,
    /(?<!a)b/,
    /((a|b)c)+/,
    /([a-z]+\s?)*x/,
    /(x{1,9}){1,9}/,
    new RegExp('a'.repeat(501)),
  ])('%s is refused', (pattern) => {
    expect(isSafePattern(pattern)).toBe(false)
    expect(problemsOf({ mask: [pattern] })).toMatchObject([{ option: 'mask' }])
  })

  it('never take long, on the worst names', () => {
    const began = performance.now()
    for (const pattern of [/a.*a.*b/, /^(?:.*_)?token(?:_.*)?$/, /(?:a|ab)(?:c|bcd)(?:d*)z/, /[a-z]+[a-z]+\d/]) {
      expect(isSafePattern(pattern)).toBe(true)
      for (let i = 0; i < 100; i += 1) pattern.test('a'.repeat(64))
    }
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})
