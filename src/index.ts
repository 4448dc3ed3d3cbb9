/** typeorm-audit-logger: what an application imports. The worker is `typeorm-audit-logger/worker`. */

export type { EventCatalogue, EventSchemas, StandardSchema } from '../config/catalogue'
export { AuditError, type ErrorCode, type ErrorDetails } from '../config/errors'
export type { Logger } from '../config/logger'
export {
  type ActorFields,
  type ActorResolver,
  type AuditLoggerOptions,
  AuditSettingsError,
  type AwsCredentials,
  type AwsCredentialsProvider,
  type MaskMode,
  type MaskRule,
  type MaskRuleInput,
  type ReadAction,
  type Sampling,
  type SettingProblem,
  type Settings,
  type Skip,
  type SkipContext,
} from '../config/settings'
export { AuditLogger } from './audit-logger'
export { AuditUpdateDelete } from './capture/decorator'
export { AuditSubscriber } from './capture/subscriber'
export { type AuditContext, currentContext, runWithContext, setContextUser, updateContext } from './context/context'
export type { RequestInput } from './context/request'
export {
  close,
  flush,
  impersonate,
  logImpersonationEnded,
  logImpersonationStarted,
  logLogin,
  logLoginBlocked,
  logLoginFailed,
  logLogout,
  logPasswordChanged,
  sendLog,
} from './default-logger'
export type {
  Action,
  Actor,
  ActorType,
  AuditEvent,
  Change,
  Changes,
  EntryPoint,
  Impersonator,
  Instance,
  JsonObject,
  JsonValue,
  Outcome,
  RequestFields,
} from './event/event'
export type { Exported, Level, LogFields, LoginFailure, SuspendOptions, SystemFields, Told } from './event-logger'
export { Audited, type AuditedOptions } from './events/audited'
export type { EventBuilder } from './events/builder'
export { type DefineOptions, defineEvents } from './events/define-events'
export type { AnyEvents, EventArguments, EventName } from './events/types'
export { buildEvent, logEvent, logExported, logFields, logSystem, logViewed, suspend } from './global-events'
export type { QueueCounts } from './queue/queue'
