import { AuditError } from '../config/errors'
import { AuditLogger } from './audit-logger'
import { type EventLogger, type LogFields, type LoginFailure, openLoggers } from './event-logger'
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
function globalLogger(): EventLogger | undefined {
  return existing() ?? zeroCodeLogger()
}

function existing(): EventLogger | undefined {
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

/** Records USER_LOGOUT, of the context's user unless one is given. Never throws and never waits. */
export function logLogout(user?: unknown, extra?: LogFields): void {
  globalLogger()?.logLogout(user, extra)
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
