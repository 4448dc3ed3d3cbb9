import { contextField, contextNode } from './context/context'
import { keyText } from './context/entity'
import { member } from './event/copy-own'
import type { Observation } from './recorder'
import { FIELDS, type Sender, sendEvent } from './send-log'

const FAILURE_FIELDS: ReadonlySet<string> = new Set([...FIELDS, 'username'])

/** USER_LOGIN: somebody is known from here on. */
export function logLogin(sender: Sender, user: unknown, extra?: unknown): void {
  sendEvent(sender, { method: 'logLogin', action: 'USER_LOGIN', fields: extra, ...actor(user) })
}

/** USER_LOGOUT. */
export function logLogout(sender: Sender, user: unknown, extra?: unknown): void {
  sendEvent(sender, { method: 'logLogout', action: 'USER_LOGOUT', fields: extra, ...actor(user) })
}

/**
 * USER_LOGIN_FAILED. Looks nobody up and costs no query, so that guessing passwords cannot be used to burden the
 * database. The context's user is not the one who tries, and whoever tries is anonymous until proven.
 */
export function logLoginFailed(sender: Sender, failure: unknown): void {
  const username = keyText(member(failure, 'username'))
  const known: Partial<Observation> = {
    user: member(failure, 'user') ?? null,
    actor: { type: 'anonymous', ...(username !== undefined && { username }) },
    outcome: 'failure',
  }
  const problem = failure === undefined || failure === null ? 'nothing was told of the login' : undefined
  const call = { method: 'logLoginFailed', action: 'USER_LOGIN_FAILED', taken: FAILURE_FIELDS }
  sendEvent(sender, { ...call, fields: failure, known, problem })
}

/** The user that was given, else the context's; a login or logout of nobody is a wrong call. */
function actor(user: unknown): { known: Partial<Observation>; problem: string | undefined } {
  if (user !== undefined && user !== null) return { known: { user }, problem: undefined }
  const context = contextNode()
  const known = context !== undefined && (contextField(context, 'user') ?? undefined) !== undefined
  return { known: { user: undefined }, problem: known ? undefined : 'no user was given' }
}
