import type { Present } from './context/jobs/present'
import type { Outcome } from './event/event'
import type { EventBuilder } from './events/builder'
import type { Sender } from './send-log'

/** What may be told of any event. */
export interface Told {
  /** What it was done to: an entity, or any object. */
  instance?: unknown
  /** The application's user object, when it is not the context's; `null` says that there is none. */
  user?: unknown
  /** When it happened, if not now. */
  date?: Date | string | number | undefined
  reason?: string | undefined
  /** `success` unless given. */
  outcome?: Outcome | undefined
}

/** What may be told of an event; every other field is content, kept as it is given. */
export interface LogFields extends Told {
  [content: string]: unknown
}

/** What is told of a failed login. Whoever tries is anonymous until proven. */
export interface LoginFailure extends LogFields {
  /** The name that was tried. */
  username?: string | undefined
}

/** What was taken out of the application. */
export interface Exported extends LogFields {
  /** What was exported: a text, or an entity's class. */
  type: string | (abstract new (...values: never[]) => unknown)
  /** `csv`, `pdf`, … */
  format?: string | undefined
  /** How many things. */
  count?: number | bigint | undefined
  /** How large. */
  bytes?: number | bigint | undefined
  /** What was asked for. */
  filters?: unknown
}

export const LEVELS = ['debug', 'info', 'warning', 'error', 'critical'] as const
export type Level = (typeof LEVELS)[number]

/** Something that happened to the application itself. */
export interface SystemFields extends LogFields {
  level: Level
  title: string
}

export interface SuspendOptions {
  /** Why capture is switched off. */
  reason: string
}

/** What the explicit logger and the zero-code one have in common. No method throws by itself; only `flush` and `close` wait. */
export interface EventLogger {
  sendLog(action: string, fields?: LogFields): void
  viewed(instance: object, fields?: LogFields): void
  exported(what: Exported): void
  system(what: SystemFields): void
  fields(instance: object, names: readonly string[], content?: LogFields): void
  suspend<T>(fn: () => T, options: SuspendOptions): T
  logLogin(user: unknown, extra?: LogFields): void
  logLoginFailed(failure: LoginFailure): void
  logLoginBlocked(failure: LoginFailure): void
  logLogout(user?: unknown, extra?: LogFields): void
  logPasswordChanged(user?: unknown, extra?: LogFields): void
  logImpersonationStarted(user: unknown, extra?: LogFields): void
  logImpersonationEnded(user?: unknown, extra?: LogFields): void
  impersonate(user: unknown, fn?: undefined, extra?: LogFields): () => void
  impersonate<T>(user: unknown, fn: () => T, extra?: LogFields): T
  /** What an event made now would tell of who and from where; undefined outside of any context. */
  present(): Present | Promise<Present> | undefined
  flush(): Promise<void>
  close(): Promise<void>
}

/** A logger whose catalogue, if it has one, is not known to the compiler. */
export interface AnyLogger extends EventLogger {
  /** For this package's own parts; undefined when nothing is recorded. */
  sender(): Sender | undefined
  /** @throws AuditError when a catalogue is strict and the call does not fit it */
  event(action: string, fields?: LogFields): void
  build(action: string): EventBuilder
}

/** Loggers that the application made and has not closed, oldest first. */
export const openLoggers = new Set<AnyLogger>()
