import { isIP } from 'node:net'
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import type { ActorResolver } from './actor'
import { type EventCatalogue, isCatalogue } from './catalogue'
import { isRedisSetting, type RedisSetting } from './connection'
import type { AwsCredentials, AwsCredentialsProvider } from './credentials'
import { frozenCopy, isPlainObject } from './freeze'
import { isEntityName, isPropertyName, parseModels, parseNames, parsePath } from './lists'
import type { Logger } from './logger'
import { isParsedMaskRule, MOST_RULES, type ParsedMaskRule, parseMaskRules } from './mask'
import { RETENTION_DAYS } from './retention'
import { isSampling, isSkippable, parseSampling, type Sampling, type Skip } from './switches'
import { parseUrl } from './url'

/** A decimal number as text. Number() alone would take '', '0x10', '1e9' and 'Infinity'. */
const fromNumeral = (value: unknown) =>
  typeof value === 'string' && /^(\d+\.?\d*|\.\d+)$/.test(value) ? Number(value) : value

const SWITCH = new Map([
  ...['true', '1', 'yes', 'on'].map((word) => [word, true] as const),
  ...['false', '0', 'no', 'off'].map((word) => [word, false] as const),
])
const fromSwitch = (value: unknown) =>
  typeof value === 'string' || typeof value === 'number' ? (SWITCH.get(String(value).toLowerCase()) ?? value) : value

const names = z.array(z.string().refine(isEntityName))
const milliseconds = z.int().min(1).max(3_600_000)
const key = z.string().regex(/^\S+$/)
/** Letters, digits and hyphens between dots: it is only ever resolved, never put into a URL. */
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i
/** 1 TiB: more is a slip of the keyboard. */
const MOST_BYTES = 2 ** 40
/** A relative one would move with the directory in which a process happens to be started, and its files with it. */
const isAbsolutePath = (path: string) => isAbsolute(path) && !path.includes('\0')

const keys = z.object({ accessKeyId: key, secretAccessKey: key, sessionToken: key.optional() })

/** Not a union, whose one error would not say which of the two keys is missing. */
const credentials = z.unknown().transform((value, context): AwsCredentials | AwsCredentialsProvider => {
  if (isFunction<AwsCredentialsProvider>(value)) return value
  const parsed = keys.safeParse(value)
  if (!parsed.success) {
    for (const { path } of parsed.error.issues) context.addIssue({ code: 'custom', path })
    return z.NEVER
  }
  const { sessionToken, ...pair } = parsed.data
  return sessionToken === undefined ? pair : { ...pair, sessionToken }
})

/** Every setting: what it accepts, from the environment (text) as well as from code, and its default. */
export const settingsSchema = z.strictObject({
  // A region becomes part of a host name.
  region: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
    .exactOptional(),
  credentials: credentials.exactOptional(),
  // https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
  groupName: z
    .string()
    .regex(/^(?!aws\/)[.\-_/#A-Za-z0-9]{1,512}$/)
    .exactOptional(),
  // https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html
  streamName: z
    .string()
    .regex(/^[^:*]{1,512}$/)
    .exactOptional(),
  endpoint: z
    .string()
    .refine((text) => /^https?:$/.test(parseUrl(text)?.protocol ?? ''))
    .exactOptional(),
  retentionDays: z.preprocess(fromNumeral, z.literal(RETENTION_DAYS)).exactOptional(),
  models: z.preprocess(parseModels, z.union([z.literal(['decorated', 'all']), names])).default('decorated'),
  exclude: z.preprocess(parseNames, names).default([]),
  userOrganisationField: z.preprocess(parsePath, z.array(z.string().refine(isPropertyName))).default([]),
  logInterval: z.preprocess(fromNumeral, z.number().positive().max(10_080)).default(5),
  redis: z
    .custom<RedisSetting>(isRedisSetting)
    .transform(frozenCopy<RedisSetting>)
    .default('redis://127.0.0.1:6379'),
  // Braces would end the hash tag early, and with it the promise that all keys share a slot.
  prefix: z
    .string()
    .regex(/^[^{}\s\p{Cc}]+$/u)
    .default('audit-logger'),
  enabled: z.preprocess(fromSwitch, z.boolean()).default(true),
  lifecycleEvents: z.preprocess(fromSwitch, z.boolean()).default(true),
  bufferEvents: z.preprocess(fromNumeral, z.int().min(1).max(10_000_000)).default(100_000),
  bufferBytes: z.preprocess(fromNumeral, z.int().min(1_024).max(MOST_BYTES)).default(67_108_864),
  spillDirectory: z.string().refine(isAbsolutePath).exactOptional(),
  spillBytes: z.preprocess(fromNumeral, z.int().min(1_024).max(MOST_BYTES)).default(1_073_741_824),
  shards: z.preprocess(fromNumeral, z.int().min(1).max(64)).default(1),
  flushThreshold: z.preprocess(fromNumeral, z.int().min(1).max(1_000_000_000)).default(10_000),
  healthPort: z.preprocess(fromNumeral, z.int().min(1).max(65_535)).exactOptional(),
  healthHost: z
    .string()
    .refine((host) => isIP(host) > 0 || HOST_NAME.test(host))
    .default('127.0.0.1'),
  strict: z.preprocess(fromSwitch, z.boolean()).default(false),
  stack: z.boolean().default(false),
  mask: z.preprocess(parseMaskRules, z.array(z.custom<ParsedMaskRule>(isParsedMaskRule)).max(MOST_RULES)).default([]),
  // Shorter ones can be guessed, and with the key every hash of a short value can be undone.
  maskKey: z.string().min(16).max(1_000).exactOptional(),
  skipActions: z.preprocess(parseNames, z.array(z.string().refine(isSkippable))).default([]),
  skip: z.custom<Skip>(isFunction).exactOptional(),
  sampling: z.preprocess(parseSampling, z.custom<Sampling>(isSampling).transform(frozenCopy<Sampling>)).default({}),
  events: z.custom<EventCatalogue>(isCatalogue).exactOptional(),
  actorResolver: z.custom<ActorResolver>(isFunction).exactOptional(),
  logger: z.custom<Logger>(isLogger).exactOptional(),
  worker: z
    .preprocess(
      ownMembers,
      z
        .strictObject({
          leaseMs: milliseconds.default(15_000),
          requestTimeoutMs: milliseconds.default(10_000),
          inFlight: z.preprocess(fromNumeral, z.int().min(1).max(64)).default(4),
          patienceMs: milliseconds.default(60_000),
          // A stored event can be read after seconds, sometimes a minute; no bound is documented.
          reconcileWaitsMs: z
            .array(z.int().min(0).max(600_000))
            .min(1)
            .max(20)
            .default([1_000, 4_000, 15_000, 40_000])
            .readonly(),
        })
        // A call that outlives the lease may still be stored while the next worker already looks for it.
        .refine(({ leaseMs, requestTimeoutMs }) => requestTimeoutMs < leaseMs, { path: ['requestTimeoutMs'] }),
    )
    .prefault({}),
})

function isFunction<F extends (...values: never[]) => unknown>(value: unknown): value is F {
  return typeof value === 'function'
}

/** zod sees inherited members too: what others put on Object.prototype is no setting. */
function ownMembers(value: unknown): unknown {
  return isPlainObject(value) ? Object.assign(Object.create(null), value) : value
}

function isLogger(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return ['debug', 'info', 'warn', 'error'].every((level) => isFunction(Reflect.get(value, level)))
}
