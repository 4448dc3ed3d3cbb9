import type { ActorResolver } from './actor'
import type { EventCatalogue } from './catalogue'
import type { RedisConnectionLike, RedisSetting } from './connection'
import type { AwsCredentials, AwsCredentialsProvider } from './credentials'
import type { EntityClass } from './lists'
import type { Logger } from './logger'
import type { MaskRuleInput } from './mask'
import type { Sampling, Skip } from './switches'

/**
 * Settings given in code. Each wins over its environment variable; one that is left out or `undefined` is read from
 * the environment, and else has its default. docs/settings.md describes them all.
 *
 * @example
 * new AuditLogger({ models: 'all', exclude: [Session], userOrganisationField: 'profile.organisation' })
 */
export interface AuditLoggerOptions {
  region?: string | undefined
  credentials?: AwsCredentials | AwsCredentialsProvider | undefined
  /** The log group. */
  groupName?: string | undefined
  /** The log stream. */
  streamName?: string | undefined
  /** Of a local CloudWatch Logs, for tests. */
  endpoint?: string | undefined
  /** Set when the worker creates the group; one of `RETENTION_DAYS`. */
  retentionDays?: number | undefined
  /** Which entities are logged: those decorated with `@AuditUpdateDelete`, all, or the listed ones. */
  models?: 'decorated' | 'all' | (string & {}) | EntityClass | readonly (string | EntityClass)[] | undefined
  /** Entities that are never logged, decorated or not. */
  exclude?: string | EntityClass | readonly (string | EntityClass)[] | undefined
  /** The relation path from the user to the organisation: `'profile.organisation'` or `['profile', 'organisation']`. */
  userOrganisationField?: string | readonly string[] | undefined
  /** Minutes between flushes; decimals are fine. */
  logInterval?: number | undefined
  redis?: RedisSetting | RedisConnectionLike | undefined
  /** Of every Redis key. */
  prefix?: string | undefined
  /** `false` switches capture off. */
  enabled?: boolean | undefined
  /** `false`: no AUDIT_STARTED, AUDIT_STOPPED and AUDIT_SETTINGS_CHANGED of this logger. */
  lifecycleEvents?: boolean | undefined
  /** How many events may wait in memory while Redis takes none. */
  bufferEvents?: number | undefined
  /** How many bytes of memory their lines may take. */
  bufferBytes?: number | undefined
  /** An absolute path: where events wait that do not fit into memory. */
  spillDirectory?: string | undefined
  /** How many bytes the files of one process there may take. */
  spillBytes?: number | undefined
  /** How many pending lists the events are spread over, each flushed by one worker at a time. */
  shards?: number | undefined
  /** How many pending events make a flush start before its time. */
  flushThreshold?: number | undefined
  /** The port of the worker's health endpoint; none unless given. */
  healthPort?: number | undefined
  /** The address it listens on: this machine alone unless told otherwise. */
  healthHost?: string | undefined
  /** `true` makes a write fail, before COMMIT, when its event cannot be recorded. */
  strict?: boolean | undefined
  /** Adds `stack` to every event: where in the application it was captured. */
  stack?: boolean | undefined
  /** What is masked, or not, besides what is by default: `['request.body.card', 'iban=hash', { key: /^x-/, mode: 'remove' }]`. */
  mask?: MaskRuleInput | readonly MaskRuleInput[] | undefined
  /** The key of the hashes that rules of mode `hash` make; at least 16 characters. */
  maskKey?: string | undefined
  /** Actions that are not recorded; none of the logger itself (`AUDIT_…`). */
  skipActions?: string | readonly string[] | undefined
  /** Says which events are not recorded, by the context in which they are made. */
  skip?: Skip | undefined
  /** Which part of the read events is recorded: `{ OBJ_VIEWED: 0.1 }`. */
  sampling?: Sampling | undefined
  /** The events that the application knows, made by `defineEvents`. */
  events?: EventCatalogue | undefined
  actorResolver?: ActorResolver | undefined
  logger?: Logger | undefined
  worker?: Partial<WorkerTuning> | undefined
}

/** How a worker works. */
export interface WorkerTuning {
  /** How long a lease lasts without being renewed, in milliseconds. */
  readonly leaseMs: number
  /** How long one call to CloudWatch may take, in milliseconds. */
  readonly requestTimeoutMs: number
  /** How many batches may be in flight at once. */
  readonly inFlight: number
  /** How long one flush goes on trying to deliver a batch that CloudWatch does not take, in milliseconds. */
  readonly patienceMs: number
  /** The waits before each reading back of a batch of unknown outcome, in milliseconds. */
  readonly reconcileWaitsMs: readonly number[]
}
