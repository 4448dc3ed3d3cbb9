import type { CloudWatchLogsClientConfig } from '@aws-sdk/client-cloudwatch-logs'
import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest'
import { RETENTION_DAYS } from '../../../config/retention'
import { type AwsCredentials, loadSettings, loadWorkerSettings, type Settings } from '../../../config/settings'
import { onlyProblem, settingsError, untyped } from './support'

const WORKER_DEFAULTS = {
  leaseMs: 15_000,
  requestTimeoutMs: 10_000,
  inFlight: 4,
  patienceMs: 60_000,
  reconcileWaitsMs: [1_000, 4_000, 15_000, 40_000],
}

afterEach(() => {
  vi.unstubAllEnvs()
})

describe('without any setting', () => {
  it('the defaults of the settings table apply and everything else is absent', () => {
    expect({ ...loadSettings({}, {}) }).toStrictEqual({
      models: 'decorated',
      exclude: [],
      userOrganisationField: [],
      logInterval: 5,
      redis: 'redis://127.0.0.1:6379',
      prefix: 'audit-logger',
      enabled: true,
      lifecycleEvents: true,
      bufferEvents: 100_000,
      bufferBytes: 67_108_864,
      spillBytes: 1_073_741_824,
      shards: 1,
      flushThreshold: 10_000,
      healthHost: '127.0.0.1',
      strict: false,
      stack: false,
      mask: [],
      skipActions: [],
      sampling: {},
      worker: WORKER_DEFAULTS,
    })
  })

  it('a worker is told every name that it needs, in one error', () => {
    const { problems, message } = settingsError(() => loadWorkerSettings({ logInterval: -1 }, {}))
    expect(problems.map(({ code, variable, option }) => [code, variable, option])).toEqual([
      ['AUDIT_SETTING_INVALID', undefined, 'logInterval'],
      ['AUDIT_SETTING_MISSING', 'AUDIT_LOGGER_GROUP_NAME', 'groupName'],
      ['AUDIT_SETTING_MISSING', 'AUDIT_LOGGER_STREAM_NAME', 'streamName'],
    ])
    expect(message).toContain('3 problems')
    expect(message).toContain('AUDIT_LOGGER_STREAM_NAME (option streamName) is not set.')
  })

  it('a group name that is there but wrong is one problem, not two', () => {
    const { problems } = settingsError(() =>
      loadWorkerSettings({}, { AUDIT_LOG_GROUP_NAME: 'a b', AUDIT_LOG_STREAM_NAME: 's' }),
    )
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatchObject({ code: 'AUDIT_SETTING_INVALID', variable: 'AUDIT_LOG_GROUP_NAME' })
  })
})

describe('the environment', () => {
  it('is process.env unless another one is given', () => {
    vi.stubEnv('AUDIT_LOGGER_PREFIX', 'from-process')
    expect(loadSettings().prefix).toBe('from-process')
    expect(loadSettings({}, { AUDIT_LOGGER_PREFIX: 'given' }).prefix).toBe('given')
  })

  it('gives every setting of the table, in either spelling', () => {
    const values = {
      REGION: 'eu-central-1',
      KEY_ID: 'AKIAEXAMPLE',
      SECRET_ACCESS_KEY: 'wJalr/example+key',
      GROUP_NAME: 'shop/audit',
      STREAM_NAME: 'all',
      ENDPOINT: 'http://127.0.0.1:4566',
      RETENTION_DAYS: '365',
      MODELS: 'Invoice, User',
      EXCLUDE: '["Session"]',
      USER_ORGANISATION_FIELD: 'profile.organisation',
      REDIS_URL: 'rediss://app:pw@cache:6380/1',
      PREFIX: 'shop',
      ENABLED: 'off',
      SHARDS: '4',
      FLUSH_THRESHOLD: '500',
      IN_FLIGHT: '8',
      HEALTH_PORT: '9464',
      HEALTH_HOST: '0.0.0.0',
      LIFECYCLE_EVENTS: 'no',
      BUFFER_EVENTS: '2000',
      BUFFER_BYTES: '1048576',
      SPILL_DIRECTORY: '/var/spool/audit',
      SPILL_BYTES: '16777216',
      STRICT: 'on',
      MASK: 'iban=hash',
      MASK_KEY: 'a-key-of-enough-characters',
      SKIP_ACTIONS: 'NOISE,OBJ_VIEWED',
      SAMPLING: 'OBJ_VIEWED=0.1',
    }
    for (const spelling of ['AUDIT_LOGGER_', 'AUDIT_LOG_']) {
      const environment = Object.fromEntries(Object.entries(values).map(([name, value]) => [spelling + name, value]))
      expect({ ...loadWorkerSettings({}, { ...environment, LOG_INTERVAL: '0.5' }) }).toEqual({
        region: 'eu-central-1',
        credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'wJalr/example+key' },
        groupName: 'shop/audit',
        streamName: 'all',
        endpoint: 'http://127.0.0.1:4566',
        retentionDays: 365,
        models: ['Invoice', 'User'],
        exclude: ['Session'],
        userOrganisationField: ['profile', 'organisation'],
        logInterval: 0.5,
        redis: 'rediss://app:pw@cache:6380/1',
        prefix: 'shop',
        enabled: false,
        shards: 4,
        flushThreshold: 500,
        healthPort: 9464,
        healthHost: '0.0.0.0',
        lifecycleEvents: false,
        bufferEvents: 2_000,
        bufferBytes: 1_048_576,
        spillDirectory: '/var/spool/audit',
        spillBytes: 16_777_216,
        strict: true,
        stack: false,
        mask: [{ key: 'iban', mode: 'hash', keep: 4 }],
        maskKey: 'a-key-of-enough-characters',
        skipActions: ['NOISE', 'OBJ_VIEWED'],
        sampling: { OBJ_VIEWED: 0.1 },
        worker: { ...WORKER_DEFAULTS, inFlight: 8 },
      })
    }
  })

  it('prefers AUDIT_LOGGER_, then AUDIT_LOG_, then the name that others use too', () => {
    const environment = {
      AUDIT_LOGGER_REGION: 'eu-west-1',
      AUDIT_LOG_REGION: 'eu-west-2',
      AWS_REGION: 'eu-west-3',
      AUDIT_LOG_REDIS_URL: 'redis://second',
      REDIS_URL: 'redis://third',
    }
    expect(loadSettings({}, environment)).toMatchObject({ region: 'eu-west-1', redis: 'redis://second' })
    expect(loadSettings({}, { ...environment, AUDIT_LOGGER_REGION: '' }).region).toBe('eu-west-2')
    expect(loadSettings({}, { AWS_REGION: 'eu-west-3', REDIS_URL: 'redis://third' })).toMatchObject({
      region: 'eu-west-3',
      redis: 'redis://third',
    })
  })

  it.each(['', '   ', undefined])('%j counts as absent, for every variable', (blank) => {
    const environment = {
      AUDIT_LOGGER_REGION: blank,
      AUDIT_LOGGER_KEY_ID: blank,
      AUDIT_LOGGER_MODELS: blank,
      LOG_INTERVAL: blank,
      AUDIT_LOGGER_ENABLED: blank,
    }
    expect({ ...loadSettings({}, environment) }).toStrictEqual({ ...loadSettings({}, {}) })
  })

  it('is trimmed', () => {
    const settings = loadSettings(
      {},
      { AUDIT_LOGGER_GROUP_NAME: ' audit\n', LOG_INTERVAL: ' 2 ', AUDIT_LOG_ENABLED: ' no ' },
    )
    expect(settings).toMatchObject({ groupName: 'audit', logInterval: 2, enabled: false })
  })

  it('loses to code, setting by setting, and undefined in code means not given', () => {
    const environment = {
      AUDIT_LOGGER_GROUP_NAME: 'from-env',
      AUDIT_LOGGER_STREAM_NAME: 'from-env',
      LOG_INTERVAL: 'wrong',
    }
    const settings = loadSettings({ groupName: 'from-code', streamName: undefined, logInterval: 1 }, environment)
    expect(settings).toMatchObject({ groupName: 'from-code', streamName: 'from-env', logInterval: 1 })
  })

  it('names the very variable that was read', () => {
    expect(onlyProblem({}, { AUDIT_LOG_GROUP_NAME: 'aws/x' })).toMatchObject({
      variable: 'AUDIT_LOG_GROUP_NAME',
      option: 'groupName',
      given: '"aws/x"',
    })
    expect(onlyProblem({}, { AWS_REGION: 'Mars!' }).variable).toBe('AWS_REGION')
  })

  it('names no variable when the value came from code', () => {
    const problem = onlyProblem({ groupName: 'aws/x' }, { AUDIT_LOGGER_GROUP_NAME: 'good' })
    expect(problem).not.toHaveProperty('variable')
    expect(settingsError(() => loadSettings({ groupName: 'aws/x' }, {})).message).toContain(
      'option groupName is "aws/x".',
    )
  })
})

describe('credentials', () => {
  it.each([
    [{ AUDIT_LOGGER_KEY_ID: 'AKIA' }, 'AUDIT_LOGGER_SECRET_ACCESS_KEY'],
    [{ AUDIT_LOG_SECRET_ACCESS_KEY: 'secret' }, 'AUDIT_LOGGER_KEY_ID'],
  ])('half a pair (%j) names the other half', (environment, variable) => {
    expect(onlyProblem({}, environment)).toMatchObject({ code: 'AUDIT_SETTING_MISSING', variable })
  })

  it('may mix the two spellings', () => {
    const settings = loadSettings({}, { AUDIT_LOGGER_KEY_ID: 'a', AUDIT_LOG_SECRET_ACCESS_KEY: 'b' })
    expect(settings.credentials).toEqual({ accessKeyId: 'a', secretAccessKey: 'b' })
  })

  it('in code replace the pair of the environment as a whole', () => {
    const credentials = { accessKeyId: 'code', secretAccessKey: 'code', sessionToken: 'token' }
    expect(loadSettings({ credentials }, { AUDIT_LOGGER_KEY_ID: 'env' }).credentials).toEqual(credentials)
  })

  it('without a session token have none, not an undefined one', () => {
    const credentials = { accessKeyId: 'a', secretAccessKey: 'b', sessionToken: undefined }
    expect(loadSettings(untyped({ credentials }), {}).credentials).toStrictEqual({
      accessKeyId: 'a',
      secretAccessKey: 'b',
    })
  })

  it('may be a provider function, which is passed on as it is', () => {
    const provider = async (): Promise<AwsCredentials> => ({ accessKeyId: 'a', secretAccessKey: 'b' })
    expect(loadSettings({ credentials: provider }, {}).credentials).toBe(provider)
  })

  it('have a type that the AWS SDK takes', () => {
    expectTypeOf<NonNullable<Settings['credentials']>>().toExtend<
      NonNullable<CloudWatchLogsClientConfig['credentials']>
    >()
  })

  it.each([['canary'], [42], [{}], [{ accessKeyId: 'canary', secretAccessKey: 'two words' }]])(
    'refuses %j',
    (credentials) => {
      const { problems } = settingsError(() => loadSettings(untyped({ credentials }), {}))
      expect(problems.every(({ option }) => option.startsWith('credentials'))).toBe(true)
    },
  )
})

describe('names of CloudWatch', () => {
  it.each(['a', 'a'.repeat(512), '/aws/lambda/x', '.-_/#', 'awsome/x'])('takes the group name %s', (groupName) => {
    expect(loadSettings({ groupName }, {}).groupName).toBe(groupName)
  })

  it.each(['', 'a'.repeat(513), 'aws/x', 'a b', 'ä', 'a:b', 'a\n'])('refuses the group name %j', (groupName) => {
    expect(onlyProblem({ groupName })).toMatchObject({ code: 'AUDIT_SETTING_INVALID', option: 'groupName' })
  })

  it.each(['a', 'Größe 1/2', 'x'.repeat(512)])('takes the stream name %s', (streamName) => {
    expect(loadSettings({ streamName }, {}).streamName).toBe(streamName)
  })

  it.each(['', 'a:b', 'a*', 'x'.repeat(513)])('refuses the stream name %j', (streamName) => {
    expect(onlyProblem({ streamName }).option).toBe('streamName')
  })

  it('takes every retention period of CloudWatch and no other', () => {
    for (const days of RETENTION_DAYS) {
      expect(loadSettings({ retentionDays: days }, {}).retentionDays).toBe(days)
      expect(loadSettings({}, { AUDIT_LOG_RETENTION_DAYS: String(days) }).retentionDays).toBe(days)
    }
    for (const days of [0, -1, 2, 31, 3654, 1.5, Number.NaN]) {
      const { accepted } = onlyProblem({ retentionDays: days })
      expect(accepted.match(/\d+/g)?.map(Number)).toEqual([...RETENTION_DAYS])
    }
    expect(onlyProblem({}, { AUDIT_LOGGER_RETENTION_DAYS: 'forever' }).given).toBe('"forever"')
  })
})

describe('the other settings', () => {
  it.each(['US-EAST-1', 'eu central', '-eu', 'https://eu', 'x'.repeat(64)])('refuses the region %j', (region) => {
    expect(onlyProblem({ region }).option).toBe('region')
  })

  it.each(['http://localhost:4566', 'https://logs.example.com/path'])('takes the endpoint %s', (endpoint) => {
    expect(loadSettings({ endpoint }, {}).endpoint).toBe(endpoint)
  })

  it.each(['localhost:4566', 'ftp://host', 'http://', '/path'])('refuses the endpoint %j', (endpoint) => {
    expect(onlyProblem({ endpoint }).option).toBe('endpoint')
  })

  it.each([
    ['5', 5],
    ['0.05', 0.05],
    ['.5', 0.5],
    ['10080', 10_080],
  ])('takes LOG_INTERVAL=%s', (text, minutes) => {
    expect(loadSettings({}, { LOG_INTERVAL: text }).logInterval).toBe(minutes)
  })

  it.each(['0', '-1', '5m', '1e2', '0x10', 'Infinity', 'NaN', '0,5', '10080.1', '9'.repeat(400), '.'])(
    'refuses LOG_INTERVAL=%s',
    (text) => {
      expect(onlyProblem({}, { LOG_INTERVAL: text })).toMatchObject({ variable: 'LOG_INTERVAL', option: 'logInterval' })
    },
  )

  it.each([0, -5, Number.NaN, Number.POSITIVE_INFINITY, 10_081])('refuses the interval %d in code', (logInterval) => {
    expect(onlyProblem({ logInterval })).toMatchObject({ option: 'logInterval', given: String(logInterval) })
  })

  it.each(['', 'a b', '{a}', 'a}', 'tab\t', 'nul\0'])('refuses the prefix %j', (prefix) => {
    expect(onlyProblem({ prefix }).option).toBe('prefix')
  })

  it.each(['true', 'TRUE', '1', 'yes', 'On'])('ENABLED=%s is on', (word) => {
    expect(loadSettings({}, { AUDIT_LOGGER_ENABLED: word }).enabled).toBe(true)
  })

  it.each(['false', 'False', '0', 'no', 'OFF'])('ENABLED=%s is off', (word) => {
    expect(loadSettings({}, { AUDIT_LOGGER_ENABLED: word }).enabled).toBe(false)
  })

  it.each(['2', 'disabled', 'nope'])('ENABLED=%s is a problem, not a guess', (word) => {
    expect(onlyProblem({}, { AUDIT_LOGGER_ENABLED: word }).given).toBe(JSON.stringify(word))
  })

  it.each(['0', '65536', '80.5', 'http'])('the health port %s is refused', (port) => {
    expect(onlyProblem({}, { AUDIT_LOGGER_HEALTH_PORT: port }).option).toBe('healthPort')
  })

  it.each(['http://localhost', 'localhost:80', 'a b', '-a', '::1]', ''])(
    'the health host %j is refused in code',
    (host) => {
      expect(onlyProblem({ healthHost: host }).option).toBe('healthHost')
    },
  )

  it.each(['::1', '0.0.0.0', 'localhost', 'worker-1.internal'])('the health host %s is taken', (healthHost) => {
    expect(loadSettings({ healthHost }, {}).healthHost).toBe(healthHost)
  })

  it('a part of the tuning that code leaves out is read from its variable', () => {
    const environment = { AUDIT_LOGGER_IN_FLIGHT: '8' }
    expect(loadSettings({ worker: { leaseMs: 20_000 } }, environment).worker).toMatchObject({
      leaseMs: 20_000,
      inFlight: 8,
    })
    expect(loadSettings({ worker: { inFlight: 2 } }, environment).worker.inFlight).toBe(2)
    expect(onlyProblem({ worker: { leaseMs: 20_000 } }, { AUDIT_LOGGER_IN_FLIGHT: 'many' })).toMatchObject({
      option: 'worker.inFlight',
      variable: 'AUDIT_LOGGER_IN_FLIGHT',
    })
  })

  it('the tuning of the worker keeps its defaults for what is not given', () => {
    expect(loadSettings({ worker: { leaseMs: 20_000 } }, {}).worker).toEqual({
      ...WORKER_DEFAULTS,
      leaseMs: 20_000,
    })
    expect(loadSettings({ worker: { reconcileWaitsMs: [0] } }, {}).worker.reconcileWaitsMs).toEqual([0])
    expect(onlyProblem({ worker: { reconcileWaitsMs: [] } })).toMatchObject({ option: 'worker.reconcileWaitsMs' })
    expect(onlyProblem({ worker: { inFlight: 0 } })).toMatchObject({ option: 'worker.inFlight', given: '0' })
    // A call that outlives the lease may still be stored while the next worker already looks for it.
    expect(onlyProblem({ worker: { leaseMs: 9_000 } })).toMatchObject({ option: 'worker.requestTimeoutMs' })
  })

  it('a logger must have all four levels, and is passed on as it is', () => {
    const logger = { debug() {}, info() {}, warn() {}, error() {} }
    expect(loadSettings({ logger }, {}).logger).toBe(logger)
    expect(Object.isFrozen(logger)).toBe(false)
    expect(onlyProblem(untyped({ logger: { ...logger, warn: 1 } })).option).toBe('logger')
  })

  it('an actor resolver must be a function', () => {
    const actorResolver = () => ({ pk: '1' })
    expect(loadSettings({ actorResolver }, {}).actorResolver).toBe(actorResolver)
    expect(onlyProblem(untyped({ actorResolver: 'user' })).option).toBe('actorResolver')
  })
})
