/** One setting, or one part of it: where it is read from and what it accepts, in the words of its error message. */
export interface SettingRow {
  /** The variables it is read from; the first that is set wins. Empty: set in code only. */
  readonly variables: readonly string[]
  readonly accepted: string
  /** What was given is never shown, or only as a URL without its secrets. */
  readonly secret?: 'hidden' | 'url'
}

const CREDENTIALS =
  'both AUDIT_LOGGER_KEY_ID and AUDIT_LOGGER_SECRET_ACCESS_KEY, or neither (then the AWS SDK looks for credentials itself); in code { accessKeyId, secretAccessKey, sessionToken? } or a provider function'
const ENTITY_NAMES = 'a list of entity names, as a JSON array or separated by commas (in code also entity classes)'
const MASK_RULES =
  'a list of at most 1000 rules, as a JSON array or separated by commas, each a name (iban) or a path (content.*.token) with an optional mode (iban=hash: redact, remove, hash, partial, partial:6 or allow); in code also { path | key | value, mode?, keep? } and RegExps for names, without nested repetitions, look-arounds and back references (docs/masking.md)'

/** The settings table: what the environment reader reads, what a problem says is accepted, what docs/settings.md lists. */
export const SETTINGS_TABLE = {
  region: { variables: [...both('REGION'), 'AWS_REGION'], accepted: 'the name of an AWS region, such as eu-central-1' },
  credentials: { variables: [], accepted: CREDENTIALS, secret: 'hidden' },
  'credentials.accessKeyId': { variables: both('KEY_ID'), accepted: CREDENTIALS, secret: 'hidden' },
  'credentials.secretAccessKey': { variables: both('SECRET_ACCESS_KEY'), accepted: CREDENTIALS, secret: 'hidden' },
  'credentials.sessionToken': { variables: [], accepted: CREDENTIALS, secret: 'hidden' },
  groupName: {
    variables: both('GROUP_NAME'),
    accepted: '1 to 512 letters, digits and . - _ / #, not starting with aws/',
  },
  streamName: { variables: both('STREAM_NAME'), accepted: '1 to 512 characters without : and *' },
  endpoint: { variables: both('ENDPOINT'), accepted: 'an http:// or https:// URL', secret: 'url' },
  retentionDays: {
    variables: both('RETENTION_DAYS'),
    accepted:
      'one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653',
  },
  models: { variables: both('MODELS'), accepted: `decorated, all, or ${ENTITY_NAMES}` },
  exclude: { variables: both('EXCLUDE'), accepted: ENTITY_NAMES },
  userOrganisationField: {
    variables: both('USER_ORGANISATION_FIELD'),
    accepted: 'a path of property names from the user, such as ["profile","organisation"] or profile.organisation',
  },
  logInterval: {
    variables: ['LOG_INTERVAL'],
    accepted: 'minutes, a number above 0 and up to 10080 (a week), decimals with a point, such as 5 or 0.5',
  },
  redis: {
    variables: [...both('REDIS_URL'), 'REDIS_URL'],
    accepted:
      'redis://[user:password@]host[:port][/database] or rediss://… with special characters percent-encoded, or the absolute path of a socket; in code also ioredis options or an ioredis connection; no keyPrefix in a URL or options (use the setting prefix), no url in options',
    secret: 'url',
  },
  prefix: { variables: both('PREFIX'), accepted: 'at least one character, without { } and white space' },
  enabled: { variables: both('ENABLED'), accepted: 'true, false, 1, 0, yes, no, on or off' },
  lifecycleEvents: {
    variables: both('LIFECYCLE_EVENTS'),
    accepted: 'true, false, 1, 0, yes, no, on or off',
  },
  bufferEvents: { variables: both('BUFFER_EVENTS'), accepted: 'a whole number from 1 to 10000000' },
  bufferBytes: { variables: both('BUFFER_BYTES'), accepted: 'bytes, a whole number from 1024 to 1099511627776' },
  spillDirectory: { variables: both('SPILL_DIRECTORY'), accepted: 'the absolute path of a directory' },
  spillBytes: { variables: both('SPILL_BYTES'), accepted: 'bytes, a whole number from 1024 to 1099511627776' },
  shards: { variables: both('SHARDS'), accepted: 'a whole number from 1 to 64' },
  flushThreshold: { variables: both('FLUSH_THRESHOLD'), accepted: 'events, a whole number from 1 to 1000000000' },
  healthPort: { variables: both('HEALTH_PORT'), accepted: 'a port, a whole number from 1 to 65535' },
  healthHost: { variables: both('HEALTH_HOST'), accepted: 'an IP address or the name of a host, without a port' },
  strict: { variables: both('STRICT'), accepted: 'true, false, 1, 0, yes, no, on or off' },
  stack: { variables: [], accepted: 'true or false' },
  mask: { variables: both('MASK'), accepted: MASK_RULES },
  maskKey: {
    variables: both('MASK_KEY'),
    accepted: 'a secret text of 16 to 1000 characters, which mask rules of mode hash need',
    secret: 'hidden',
  },
  skipActions: {
    variables: both('SKIP_ACTIONS'),
    accepted: 'a list of actions, as a JSON array or separated by commas; none that begins with AUDIT_',
  },
  skip: { variables: [], accepted: 'a function from the context of an event and its action to true or false' },
  sampling: {
    variables: both('SAMPLING'),
    accepted: 'rates from 0 to 1 for read events alone, such as OBJ_VIEWED=0.1,DATA_EXPORTED=1 or the same as JSON',
  },
  events: { variables: [], accepted: 'what defineEvents() returns' },
  actorResolver: { variables: [], accepted: 'a function from the user to the fields of an actor' },
  logger: {
    variables: [],
    accepted: 'an object with the functions debug, info, warn and error, such as a pino logger',
  },
  worker: {
    variables: [],
    accepted: 'an object of leaseMs, requestTimeoutMs, inFlight, patienceMs and reconcileWaitsMs',
  },
  'worker.leaseMs': { variables: [], accepted: 'milliseconds, a whole number from 1 to 3600000' },
  'worker.requestTimeoutMs': {
    variables: [],
    accepted: 'milliseconds, a whole number from 1 to 3600000 and less than worker.leaseMs',
  },
  'worker.inFlight': { variables: both('IN_FLIGHT'), accepted: 'a whole number from 1 to 64' },
  'worker.patienceMs': { variables: [], accepted: 'milliseconds, a whole number from 1 to 3600000' },
  'worker.reconcileWaitsMs': {
    variables: [],
    accepted: '1 to 20 numbers of milliseconds, each whole, from 0 to 600000',
  },
} as const satisfies Record<string, SettingRow>

/** A setting (`groupName`) or a part of one (`credentials.accessKeyId`). */
export type SettingPath = keyof typeof SETTINGS_TABLE

export function isSettingPath(path: string): path is SettingPath {
  return Object.hasOwn(SETTINGS_TABLE, path)
}

export function settingRow(path: SettingPath): SettingRow {
  return SETTINGS_TABLE[path]
}

/** django-audit-logger documents both spellings of every variable, so both are in use. */
function both<Name extends string>(name: Name) {
  return [`AUDIT_LOGGER_${name}`, `AUDIT_LOG_${name}`] as const
}
