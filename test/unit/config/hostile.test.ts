import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { loadSettings, loadWorkerSettings, type Settings } from '../../../config/settings'
import { onlyProblem, settingsError, untyped } from './support'

const CANARY = 'c4n4ry-5ecret'

/** Every way in which an error or a settings object ends up in a log. */
function everythingShown(value: object): string {
  const text = 'stack' in value ? `${value.stack} ${'message' in value ? value.message : ''}` : ''
  return [text, String(value), JSON.stringify(value), inspect(value, { depth: null, showHidden: true })].join('\n')
}

describe('secrets', () => {
  it.each<[string, unknown, Record<string, string>]>([
    ['half a key pair', {}, { AUDIT_LOGGER_SECRET_ACCESS_KEY: CANARY }],
    ['a key with white space', {}, { AUDIT_LOGGER_KEY_ID: 'AKIA', AUDIT_LOG_SECRET_ACCESS_KEY: `${CANARY} x` }],
    ['credentials as text', { credentials: CANARY }, {}],
    ['half credentials in code', { credentials: { secretAccessKey: CANARY } }, {}],
    [
      'a wrong session token',
      { credentials: { accessKeyId: 'a', secretAccessKey: 'b', sessionToken: `${CANARY} ` } },
      {},
    ],
    ['credentials under a wrong name', { secretAccessKey: CANARY, worker: { password: CANARY } }, {}],
    ['the password of an unusable Redis URL', {}, { REDIS_URL: `redis://:${CANARY}@cache/name` }],
    ['a password with # in it', {}, { REDIS_URL: `redis://:#${CANARY}@cache` }],
    ['a password with / in it', {}, { REDIS_URL: `redis://u:12/${CANARY}@cache` }],
    ['a password with ? in it', {}, { REDIS_URL: `redis://u:12?${CANARY}@cache` }],
    ['a password with white space in it', {}, { REDIS_URL: `redis://:a ${CANARY}@cache:x` }],
    ['a password without a host', {}, { REDIS_URL: `redis://:${CANARY}` }],
    ['a password instead of a URL', {}, { REDIS_URL: CANARY }],
    ['a password in the query', {}, { REDIS_URL: `redis://cache/x?password=${CANARY}` }],
    ['a password among options', { redis: { password: CANARY, keyPrefix: 'x' } }, {}],
    ['a Redis URL in a list', { redis: [`redis://:${CANARY}@cache`] }, {}],
    ['a Redis URL in another variable', {}, { AUDIT_LOGGER_GROUP_NAME: `redis://:${CANARY}@cache` }],
    ['a Redis URL in a list of models', {}, { AUDIT_LOGGER_MODELS: `redis://:${CANARY}@cache` }],
    ['a password in an unusable endpoint', {}, { AUDIT_LOGGER_ENDPOINT: `ftp://u:${CANARY}@host` }],
    ['a URL as the options', `redis://:${CANARY}@cache`, {}],
  ])('%s never appears in the error', (_, options, environment) => {
    const error = settingsError(() => loadWorkerSettings(untyped(options), environment))
    expect(error.problems.length).toBeGreaterThan(0)
    expect(everythingShown(error)).not.toContain(CANARY)
  })

  it('do not appear when the settings themselves are logged', () => {
    const settings = loadSettings(
      {
        credentials: { accessKeyId: `id-${CANARY}`, secretAccessKey: CANARY },
        endpoint: `http://u:${CANARY}@localhost:1`,
        redis: `redis://:${CANARY}@cache:6379/1`,
      },
      {},
    )
    const shown = [JSON.stringify({ settings }), inspect({ settings }, { depth: null })].join('\n')
    expect(shown).not.toContain(CANARY)
    expect(shown).toContain('redis://***@cache:6379/1')
    expect(settings.redis).toContain(CANARY)
    expect(JSON.stringify(loadSettings({ redis: { password: CANARY } }, {}))).not.toContain(CANARY)
  })
})

describe('unknown options', () => {
  it.each([
    ['grupName', 'groupName'],
    ['groupname', 'groupName'],
    ['AUDIT_LOG_GROUP_NAME', 'groupName'],
    ['userOrganizationField', 'userOrganisationField'],
    ['model', 'models'],
    ['log_interval', 'logInterval'],
  ])('%s is a problem that names %s', (given, meant) => {
    expect(onlyProblem(untyped({ [given]: 1 }))).toMatchObject({
      code: 'AUDIT_SETTING_UNKNOWN',
      option: given,
      accepted: `${meant} (probably meant)`,
    })
  })

  it('far from any name list what there is', () => {
    const { accepted } = onlyProblem(untyped({ colour: 'red' }))
    expect(accepted).toMatch(/^region, credentials, groupName, .*worker$/)
  })

  it('inside the worker’s tuning are found too', () => {
    expect(onlyProblem(untyped({ worker: { leaseMS: 1 } }))).toMatchObject({
      option: 'worker.leaseMS',
      accepted: 'leaseMs (probably meant)',
    })
  })

  it('that are undefined are no problem', () => {
    expect(loadSettings(untyped({ colour: undefined }), {}).enabled).toBe(true)
  })

  it('by the thousand make a short message', () => {
    const options = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`zzz${n}`, n]))
    const error = settingsError(() => loadSettings(untyped(options), {}))
    expect(error.problems).toHaveLength(5_000)
    expect(error.message.split('\n').length).toBeLessThan(40)
    expect(error.message).toContain('and 4970 more')
  })
})

describe('prototypes', () => {
  afterEach(() => {
    Reflect.deleteProperty(Object.prototype, 'prefix')
    Reflect.deleteProperty(Object.prototype, 'AUDIT_LOGGER_REGION')
  })

  it('are not reached through an option named __proto__', () => {
    const options: unknown = JSON.parse(
      '{"__proto__":{"prefix":"polluted"},"constructor":{"prototype":{"prefix":"polluted"}}}',
    )
    const { problems } = settingsError(() => loadSettings(untyped(options), {}))
    expect(problems.map(({ option }) => option).sort()).toEqual(['__proto__', 'constructor'])
    expect(Reflect.get({}, 'prefix')).toBeUndefined()
  })

  it('polluted by others are not read as settings', () => {
    Reflect.set(Object.prototype, 'prefix', 'polluted')
    Reflect.set(Object.prototype, 'AUDIT_LOGGER_REGION', 'polluted')
    const settings = loadSettings({}, {})
    expect(settings.prefix).toBe('audit-logger')
    expect(Object.hasOwn(settings, 'region')).toBe(false)
  })
})

describe('values of the wrong kind', () => {
  it.each([[null], ['text'], [[]], [7], [() => 1]])('options that are %j are one problem', (options) => {
    expect(onlyProblem(untyped(options))).toMatchObject({ option: 'options', accepted: 'an object of options' })
  })

  it.each([[7], [true], [{}], [[]], [() => 'x'], [Symbol('x')], [10n]])(
    'an environment holding %s is reported',
    (value) => {
      const environment = { AUDIT_LOGGER_GROUP_NAME: value } as unknown as Record<string, string>
      expect(onlyProblem({}, environment).variable).toBe('AUDIT_LOGGER_GROUP_NAME')
    },
  )

  it('null in an environment is absent, in code it is a problem', () => {
    expect(loadSettings({}, { AUDIT_LOGGER_GROUP_NAME: null } as unknown as Record<string, string>)).not.toHaveProperty(
      'groupName',
    )
    expect(onlyProblem(untyped({ groupName: null })).given).toBe('null')
  })

  it('that are huge are cut', () => {
    const { given } = onlyProblem({ groupName: `x${'😀'.repeat(5_000_000)}` })
    expect(given.length).toBeLessThan(100)
    expect(given).toMatch(/… \(cut\)$/)
    expect(given.isWellFormed()).toBe(true)
    expect(onlyProblem(untyped({ models: Array(1_000_000).fill(0) })).given.length).toBeLessThan(100)
    expect(onlyProblem(untyped({ ['k'.repeat(1_000_000)]: 1 })).option.length).toBeLessThan(100)
  })

  it('cannot forge lines of the message', () => {
    const { message } = settingsError(() => loadSettings({ groupName: 'x\n  9. forged' }, {}))
    expect(message).toContain(String.raw`"x\n  9. forged"`)
    expect(message.split('\n')).toHaveLength(3)
  })
})

describe('the result', () => {
  it('is frozen, deeply', () => {
    const settings = loadSettings({ credentials: { accessKeyId: 'a', secretAccessKey: 'b' }, models: ['A'] }, {})
    const { models, exclude, worker, credentials } = settings
    for (const part of [settings, models, exclude, worker, worker.reconcileWaitsMs, credentials]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
    expect(() => {
      ;(settings as { prefix: Settings['prefix'] }).prefix = 'changed'
    }).toThrow(TypeError)
  })

  it('does not follow later changes of what was given', () => {
    const models = ['A']
    const options = { models, worker: { leaseMs: 20_000 } }
    const environment: Record<string, string> = { AUDIT_LOGGER_PREFIX: 'first' }
    const settings = loadSettings(options, environment)
    models.push('B')
    options.worker.leaseMs = 5
    environment.AUDIT_LOGGER_PREFIX = 'second'
    expect(settings).toMatchObject({ models: ['A'], worker: { leaseMs: 20_000 }, prefix: 'first' })
    expect(Object.isFrozen(models)).toBe(false)
  })
})
