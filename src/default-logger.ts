import { AuditError } from '../config/errors'
import { AuditLogger } from './audit-logger'
import { type AnyLogger, type LogFields, type LoginFailure, openLoggers } from './event-logger'
import { impersonateFromHere, impersonateWhile } from './login/impersonation'
import { problemOf, Reports } from './report'

const reports = new Reports()
let zeroCode: AuditLogger | undefined
/** The environment does not change by itself, and reading it again for every event would cost as much as the event. */
let unusable: AuditError | undefined

/**
 * The zero-code logger, made from the environment when it is first asked for. Undefined when the environment is not
 * usable: that is reported once and counted, because it must neither break the application nor go unnoticed.
 */
export function zeroCodeLogger(): AuditLogger | undefined {
  if (zeroCode !== undefined) return zeroCode
  if (unusable === undefined) {
    try {
      zeroCode = new AuditLogger({}, { implicit: true })
      return zeroCode
    } catch (error) {
      const details = { problem: problemOf(error) }
      unusable = error instanceof AuditError ? error : new AuditError('AUDIT_CAPTURE_FAILED', details, { cause: error })
    }
  }
  reports.reportError(unusable)
  return undefined
}

/** The logger of the global functions: the zero-code one if it exists, else the application's first, else a new one. */
export function globalLogger(): AnyLogger | undefined {
  return existing() ?? zeroCodeLogger()
}

function existing(): AnyLogger | undefined {
  if (zeroCode !== undefined) return zeroCode
  const [first] = openLoggers
  return first
}

/**
 * Records an event of your own. Never throws and never waits.
 *
 * @param action its name, such as `'ORGANISATION_LOGIN'`
 * @param fields `instance`, `user`, `date`, `reason`, `outcome`; all others become the event's `content`
 *
 * @example
 * sendLog('ORGANISATION_LOGIN', { instance: organisation, user, reason: 'invited', plan: 'trial' })
 */
export function sendLog(action: string, fields?: LogFields): void {
  globalLogger()?.sendLog(action, fields)
}

/** Records USER_LOGIN of the application's user object. Never throws and never waits. */
export function logLogin(user: unknown, extra?: LogFields): void {
  globalLogger()?.logLogin(user, extra)
}

/**
 * Records USER_LOGIN_FAILED. Never throws and never waits, and looks nobody up.
 *
 * @example
 * logLoginFailed({ username: body.username, reason: 'wrong password' })
 */
export function logLoginFailed(failure: LoginFailure): void {
  globalLogger()?.logLoginFailed(failure)
}

/**
 * Records USER_LOGIN_BLOCKED: an attempt that was refused unseen, by a rate limit or a locked account. Never throws and
 * never waits, and looks nobody up.
 */
export function logLoginBlocked(failure: LoginFailure): void {
  globalLogger()?.logLoginBlocked(failure)
}

/** Records USER_LOGOUT, of the context's user unless one is given. Never throws and never waits. */
export function logLogout(user?: unknown, extra?: LogFields): void {
  globalLogger()?.logLogout(user, extra)
}

/** Records PASSWORD_CHANGED of this user, else of the context's; the context's user did it. Never throws, never waits. */
export function logPasswordChanged(user?: unknown, extra?: LogFields): void {
  globalLogger()?.logPasswordChanged(user, extra)
}

/** Records IMPERSONATION_STARTED: the context's user takes on the account of `user`. Never throws and never waits. */
export function logImpersonationStarted(user: unknown, extra?: LogFields): void {
  globalLogger()?.logImpersonationStarted(user, extra)
}

/** Records IMPERSONATION_ENDED, of the context's user unless one is given. Never throws and never waits. */
export function logImpersonationEnded(user?: unknown, extra?: LogFields): void {
  globalLogger()?.logImpersonationEnded(user, extra)
}

/**
 * Lets the context's user act as `user`: while `fn` runs, or without one from here on in this context, until the
 * returned function is called. Every event in between carries `user.impersonator`; start and end are events.
 *
 * @example
 * await impersonate(customer, () => repairOrder(order), { reason: 'ticket 4711' })
 */
export function impersonate(user: unknown, fn?: undefined, extra?: LogFields): () => void
export function impersonate<T>(user: unknown, fn: () => T, extra?: LogFields): T
export function impersonate<T>(user: unknown, fn?: () => T, extra?: LogFields): T | (() => void) {
  const marks = { logImpersonationStarted, logImpersonationEnded }
  return fn === undefined ? impersonateFromHere(marks, user, extra) : impersonateWhile(marks, user, fn, extra)
}

/** Resolves when all that the global functions and `AuditSubscriber` captured so far is on the pending list. */
export async function flush(): Promise<void> {
  await existing()?.flush()
}

/** Closes the zero-code logger, if there is one: pushes what is buffered, then detaches. A later use makes a new one. */
export async function close(): Promise<void> {
  const closing = zeroCode
  zeroCode = undefined
  unusable = undefined
  await closing?.close()
}
