import type { LogFields, LoginFailure } from '../event-logger'
import type { Sender } from '../send-log'
import { impersonateFromHere, impersonateWhile, logImpersonationEnded, logImpersonationStarted } from './impersonation'
import { logLogin, logLoginBlocked, logLoginFailed, logLogout, logPasswordChanged } from './login'

/** The events of people coming, going and acting for others. No method throws by itself, and none waits. */
export abstract class LoginEvents {
  /** For this package's own parts; undefined when nothing is recorded. */
  abstract sender(): Sender | undefined

  /** Records USER_LOGIN of the application's user object. */
  logLogin(user: unknown, extra?: LogFields): void {
    const sender = this.sender()
    if (sender !== undefined) logLogin(sender, user, extra)
  }

  /** Records USER_LOGIN_FAILED. Looks nobody up. */
  logLoginFailed(failure: LoginFailure): void {
    const sender = this.sender()
    if (sender !== undefined) logLoginFailed(sender, failure)
  }

  /** Records USER_LOGIN_BLOCKED: an attempt that was refused unseen, by a rate limit or a locked account. */
  logLoginBlocked(failure: LoginFailure): void {
    const sender = this.sender()
    if (sender !== undefined) logLoginBlocked(sender, failure)
  }

  /** Records USER_LOGOUT, of the context's user unless one is given. */
  logLogout(user?: unknown, extra?: LogFields): void {
    const sender = this.sender()
    if (sender !== undefined) logLogout(sender, user, extra)
  }

  /** Records PASSWORD_CHANGED of this user, else of the context's; it is the context's user who did it. */
  logPasswordChanged(user?: unknown, extra?: LogFields): void {
    const sender = this.sender()
    if (sender !== undefined) logPasswordChanged(sender, user, extra)
  }

  /** Records IMPERSONATION_STARTED: the context's user takes on the account of `user`. */
  logImpersonationStarted(user: unknown, extra?: LogFields): void {
    const sender = this.sender()
    if (sender !== undefined) logImpersonationStarted(sender, user, extra)
  }

  /** Records IMPERSONATION_ENDED, of the context's user unless one is given. */
  logImpersonationEnded(user?: unknown, extra?: LogFields): void {
    const sender = this.sender()
    if (sender !== undefined) logImpersonationEnded(sender, user, extra)
  }

  /**
   * Lets the context's user act as `user`: while `fn` runs, or without one from here on in this context, until the
   * returned function is called. Every event in between carries `user.impersonator`; start and end are events.
   *
   * @example
   * await audit.impersonate(customer, () => repairOrder(order), { reason: 'ticket 4711' })
   */
  impersonate(user: unknown, fn?: undefined, extra?: LogFields): () => void
  impersonate<T>(user: unknown, fn: () => T, extra?: LogFields): T
  impersonate<T>(user: unknown, fn?: () => T, extra?: LogFields): T | (() => void) {
    return fn === undefined ? impersonateFromHere(this, user, extra) : impersonateWhile(this, user, fn, extra)
  }
}
