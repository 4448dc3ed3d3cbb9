import type { Outcome } from './event/event'

/** What may be told of an event; every other field is content, kept as it is given. */
export interface LogFields {
  /** What it was done to: an entity, or any object. */
  instance?: unknown
  /** The application's user object, when it is not the context's; `null` says that there is none. */
  user?: unknown
  /** When it happened, if not now. */
  date?: Date | string | number | undefined
  reason?: string | undefined
  /** `success` unless given. */
  outcome?: Outcome | undefined
  [content: string]: unknown
}

/** What is told of a failed login. Whoever tries is anonymous until proven. */
export interface LoginFailure extends LogFields {
  /** The name that was tried. */
  username?: string | undefined
}

/** What the explicit logger and the zero-code one have in common. No method throws, and only the last two wait. */
export interface EventLogger {
  sendLog(action: string, fields?: LogFields): void
  logLogin(user: unknown, extra?: LogFields): void
  logLoginFailed(failure: LoginFailure): void
  logLogout(user?: unknown, extra?: LogFields): void
  flush(): Promise<void>
  close(): Promise<void>
}

/** Loggers that the application made and has not closed, oldest first. */
export const openLoggers = new Set<EventLogger>()
