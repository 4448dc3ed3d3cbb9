import type { ActorResolver } from './actor'
import type { EventCatalogue } from './catalogue'
import { collect } from './collect'
import type { RedisSetting } from './connection'
import type { AwsCredentials, AwsCredentialsProvider } from './credentials'
import type { Environment } from './environment'
import type { Logger } from './logger'
import type { ParsedMaskRule } from './mask'
import type { AuditLoggerOptions, WorkerTuning } from './options'
import { missing, type SettingProblem } from './problem'
import { seal } from './seal'
import { AuditSettingsError } from './settings-error'
import type { Sampling, Skip } from './switches'
import { type SettingPath, settingRow } from './table'

export type { ActorFields, ActorResolver } from './actor'
export type { EventCatalogue, EventSchemas, SchemaIssue, SchemaResult, StandardSchema } from './catalogue'
export type { RedisConnection, RedisConnectionLike, RedisSetting } from './connection'
export type { AwsCredentials, AwsCredentialsProvider } from './credentials'
export type { Environment } from './environment'
export type { Logger } from './logger'
export type { MaskMode, MaskRule, MaskRuleInput } from './mask'
export type { AuditLoggerOptions, WorkerTuning } from './options'
export type { SettingProblem } from './problem'
export { AuditSettingsError } from './settings-error'
export type { ReadAction, Sampling, Skip, SkipContext } from './switches'

/** Every setting, read once, validated and deeply frozen (live connections and functions are left as they are). */
export interface Settings {
  readonly region?: string
  /** Absent: the AWS SDK's default chain. */
  readonly credentials?: AwsCredentials | AwsCredentialsProvider
  readonly groupName?: string
  readonly streamName?: string
  readonly endpoint?: string
  /** Absent: left as it is. */
  readonly retentionDays?: number
  readonly models: 'decorated' | 'all' | readonly string[]
  readonly exclude: readonly string[]
  readonly userOrganisationField: readonly string[]
  /** Minutes. */
  readonly logInterval: number
  readonly redis: RedisSetting
  readonly prefix: string
  readonly enabled: boolean
  readonly lifecycleEvents: boolean
  readonly bufferEvents: number
  readonly bufferBytes: number
  /** Absent: what does not fit into memory is dropped. */
  readonly spillDirectory?: string
  readonly spillBytes: number
  readonly shards: number
  readonly flushThreshold: number
  /** Absent: no health endpoint. */
  readonly healthPort?: number
  readonly healthHost: string
  /** A write whose event cannot be recorded fails before COMMIT. */
  readonly strict: boolean
  readonly stack: boolean
  /** In the order given; of several rules that match, the last one counts. */
  readonly mask: readonly ParsedMaskRule[]
  /** Of keyed hashes. */
  readonly maskKey?: string
  readonly skipActions: readonly string[]
  readonly skip?: Skip
  readonly sampling: Sampling
  readonly events?: EventCatalogue
  readonly actorResolver?: ActorResolver
  readonly logger?: Logger
  readonly worker: WorkerTuning
}

/** The settings of a worker, which knows where to send to. */
export interface WorkerSettings extends Settings {
  readonly groupName: string
  readonly streamName: string
}

const REQUIRED_BY_WORKER = ['groupName', 'streamName'] as const satisfies SettingPath[]

/**
 * Reads the settings of an application.
 *
 * @param options win over the environment, setting by setting
 * @param environment `process.env` unless given
 * @throws AuditSettingsError naming every problem at once
 */
export function loadSettings(options?: AuditLoggerOptions, environment?: Environment): Settings {
  const { settings, problems, given, hashes } = collect(options, environment)
  // Not asked of a worker: events are masked before they are pushed, and it has no use for the key.
  const noKey = hashes && !given.has('maskKey') ? [missing('maskKey', settingRow('maskKey').variables[0])] : []
  if (!settings || noKey.length > 0) throw new AuditSettingsError([...problems, ...noKey])
  return seal<Settings>(settings)
}

/**
 * Reads the settings of a worker: the same ones, but the names of the log group and stream are required.
 *
 * @throws AuditSettingsError naming every problem at once
 */
export function loadWorkerSettings(options?: AuditLoggerOptions, environment?: Environment): WorkerSettings {
  const { settings, problems, given } = collect(options, environment)
  const all: SettingProblem[] = [...problems]
  for (const path of REQUIRED_BY_WORKER) if (!given.has(path)) all.push(missing(path, settingRow(path).variables[0]))
  if (settings?.groupName === undefined || settings.streamName === undefined || all.length > 0) {
    throw new AuditSettingsError(all)
  }
  return seal<WorkerSettings>({ ...settings, groupName: settings.groupName, streamName: settings.streamName })
}
