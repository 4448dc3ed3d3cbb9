import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { AuditError, ERRORS } from '../../../config/errors'
import { AuditSettingsError, loadSettings } from '../../../config/settings'
import { settingsError } from './support'

const page = readFileSync(join(__dirname, '../../../docs/errors.md'), 'utf8')

describe('the table of errors', () => {
  it('has one section in docs/errors.md for each code, and the page has no other', () => {
    const sections = [...page.matchAll(/^## (\S+)$/gm)].map(([, code]) => code)
    expect([...sections].sort()).toEqual(Object.keys(ERRORS).sort())
  })

  it('says for every code what happened and what to do', () => {
    for (const [code, { what, remedy }] of Object.entries(ERRORS)) {
      expect(code).toMatch(/^AUDIT_[A-Z][A-Z_]*[A-Z]$/)
      expect(`${what} ${remedy}`).toMatch(/\w/)
      expect(remedy.trim()).toMatch(/[.!?}]$/)
    }
  })
})

describe('AuditError', () => {
  it('puts the details into its text and leaves a hole that nobody filled', () => {
    const error = new AuditError('AUDIT_SETTING_INVALID', { setting: 'LOG_INTERVAL', accepted: '{given}' })
    expect(error.message).toBe('AUDIT_SETTING_INVALID: LOG_INTERVAL is {given}. Accepted: {given}.')
    expect(error.code).toBe('AUDIT_SETTING_INVALID')
  })
})

describe('AuditSettingsError', () => {
  it('is an AuditError whose message reads as a list', () => {
    const error = settingsError(() => loadSettings({ prefix: '' }, { LOG_INTERVAL: 'soon' }))
    expect(error).toBeInstanceOf(AuditError)
    expect(error).toBeInstanceOf(AuditSettingsError)
    expect(error.name).toBe('AuditSettingsError')
    expect(error.code).toBe('AUDIT_SETTINGS_INVALID')
    expect(error.message).toBe(
      [
        'AUDIT_SETTINGS_INVALID: The settings are not usable: 2 problems.',
        '  1. AUDIT_SETTING_INVALID: LOG_INTERVAL (option logInterval) is "soon". Accepted: minutes, a number above 0 and up to 10080 (a week), decimals with a point, such as 5 or 0.5.',
        '  2. AUDIT_SETTING_INVALID: option prefix is "". Accepted: at least one character, without { } and white space.',
        '  Correct every setting that is named; docs/settings.md lists what each accepts.',
      ].join('\n'),
    )
  })
})
