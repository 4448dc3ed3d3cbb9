/** typeorm-audit-logger: what an application imports. The worker is `typeorm-audit-logger/worker`. */

export { AuditError, type ErrorCode, type ErrorDetails } from '../config/errors'
export type { Logger } from '../config/logger'
export {
  type ActorFields,
  type ActorResolver,
  type AuditLoggerOptions,
  AuditSettingsError,
  type AwsCredentials,
  type AwsCredentialsProvider,
  type SettingProblem,
  type Settings,
} from '../config/settings'
export { AuditLogger } from './audit-logger'
export { AuditUpdateDelete } from './capture/decorator'
export { AuditSubscriber } from './capture/subscriber'
export { type AuditContext, currentContext, runWithContext, setContextUser, updateContext } from './context/context'
export type { RequestInput } from './context/request'
export { close, flush, logLogin, logLoginFailed, logLogout, sendLog } from './default-logger'
export type {
  Action,
  Actor,
  ActorType,
  AuditEvent,
  Change,
  Changes,
  EntryPoint,
  Instance,
  JsonObject,
  JsonValue,
  Outcome,
  RequestFields,
} from './event/event'
export type { LogFields, LoginFailure } from './event-logger'
export type { QueueCounts } from './queue/queue'
