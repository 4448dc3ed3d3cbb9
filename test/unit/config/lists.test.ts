import { describe, expect, it } from 'vitest'
import { loadSettings } from '../../../config/settings'
import { onlyProblem, untyped } from './support'

class Invoice {}
class User {}

describe('models', () => {
  it.each([
    ['decorated', 'decorated'],
    ['ALL', 'all'],
    ['Invoice', ['Invoice']],
    ['Invoice,User', ['Invoice', 'User']],
    [' Invoice , User, ', ['Invoice', 'User']],
    ['["Invoice","User"]', ['Invoice', 'User']],
    ['Invoice,Invoice', ['Invoice']],
    ['[]', []],
  ])('%j in the environment is %j', (text, models) => {
    expect(loadSettings({}, { AUDIT_LOGGER_MODELS: text }).models).toEqual(models)
  })

  it('in code takes names and entity classes', () => {
    expect(loadSettings({ models: [Invoice, 'User'] }, {}).models).toEqual(['Invoice', 'User'])
    expect(loadSettings({ models: User, exclude: Invoice }, {})).toMatchObject({
      models: ['User'],
      exclude: ['Invoice'],
    })
  })

  it.each([
    '*',
    'Invoice User',
    'Invoice;User',
    '"Invoice"',
    ',',
    'a,,b',
    'decorated,Invoice',
    '["all"]',
    '["Invoice"',
    '[1]',
  ])('%j is a problem rather than a list that silently matches nothing', (text) => {
    const problem = onlyProblem({}, { AUDIT_LOG_MODELS: text })
    expect(problem).toMatchObject({ variable: 'AUDIT_LOG_MODELS', option: 'models' })
    expect(problem.accepted).toContain('decorated, all, or a list')
  })

  it.each([[''], [null], [7], [{}], [[class {}]], [[['Invoice']]], [new Set(['Invoice'])]])(
    'refuses %j in code',
    (models) => {
      expect(onlyProblem(untyped({ models })).option).toBe('models')
    },
  )

  it('many wrong members are one problem', () => {
    expect(onlyProblem(untyped({ models: [1, 2, 3] })).given).toBe('[1, 2, 3]')
  })
})

describe('the path to the organisation', () => {
  it.each([
    ['organisation', ['organisation']],
    ['profile.organisation', ['profile', 'organisation']],
    ['profile,organisation', ['profile', 'organisation']],
    ['["profile","organisation"]', ['profile', 'organisation']],
  ])('%j is %j, from the environment and from code', (text, path) => {
    expect(loadSettings({}, { AUDIT_LOG_USER_ORGANISATION_FIELD: text }).userOrganisationField).toEqual(path)
    expect(loadSettings({ userOrganisationField: text }, {}).userOrganisationField).toEqual(path)
    expect(loadSettings({ userOrganisationField: path }, {}).userOrganisationField).toEqual(path)
  })

  it.each([
    '..',
    'a..b',
    '.a',
    'a b',
    '["__proto__","polluted"]',
    'constructor.prototype',
    '[{"__proto__":{"polluted":1}}]',
  ])('refuses %j', (text) => {
    expect(onlyProblem({}, { AUDIT_LOGGER_USER_ORGANISATION_FIELD: text }).option).toBe('userOrganisationField')
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })
})
