import { contextField, contextNode } from '../context/context'
import { keyText } from '../context/entity'
import { copyOwn, member } from '../event/copy-own'
import { putAll } from '../event/put'
import { unreadable } from '../event/values'
import type { Observation } from '../recorder'
import { FIELDS, type Sender, sendEvent } from '../send-log'

const ATTEMPT_FIELDS: ReadonlySet<string> = new Set([...FIELDS, 'username'])

/** USER_LOGIN: somebody is known from here on. */
export function logLogin(sender: Sender, user: unknown, extra?: unknown): void {
  sendEvent(sender, { method: 'logLogin', action: 'USER_LOGIN', fields: extra, ...actor(user) })
}

/** USER_LOGOUT. */
export function logLogout(sender: Sender, user: unknown, extra?: unknown): void {
  sendEvent(sender, { method: 'logLogout', action: 'USER_LOGOUT', fields: extra, ...actor(user) })
}

/** USER_LOGIN_FAILED. */
export function logLoginFailed(sender: Sender, failure: unknown): void {
  refused(sender, 'logLoginFailed', 'USER_LOGIN_FAILED', failure)
}

/** USER_LOGIN_BLOCKED: the attempt was not even looked at, or not any more. */
export function logLoginBlocked(sender: Sender, failure: unknown): void {
  refused(sender, 'logLoginBlocked', 'USER_LOGIN_BLOCKED', failure)
}

/**
 * PASSWORD_CHANGED. `user` is whose password it is, and the event's instance; who changed it is the context's user, else
 * that user.
 */
export function logPasswordChanged(sender: Sender, user: unknown, extra?: unknown): void {
  const whose = isNobody(user) ? fromContext('user') : user
  const problem = isNobody(whose) ? 'no user was given' : undefined
  const given = member(extra, 'user')
  const by = given === undefined ? (fromContext('user') ?? whose) : given
  const told = aboutUser(sender, 'account', whose, extra)
  const known: Partial<Observation> = { user: by, ...told.known }
  const call = { method: 'logPasswordChanged', action: 'PASSWORD_CHANGED' }
  sendEvent(sender, { ...call, fields: told.fields, known, problem })
}

/** What is told of a user who did not act himself: the event's instance, and in short in its content. */
export function aboutUser(
  sender: Sender,
  name: string,
  user: unknown,
  extra: unknown,
): { fields: unknown; known: Partial<Observation> } {
  if (isNobody(user)) return { fields: extra, known: {} }
  try {
    const instance = isObject(user) ? sender.describeInstance(user) : undefined
    const known = instance === undefined || member(extra, 'instance') !== undefined ? {} : { instance }
    // Fields that are none are a wrong call, which must be said.
    const fields =
      extra === undefined || isObject(extra) ? putAll(copyOwn(extra), { [name]: sender.describeActor(user) }) : extra
    return { fields, known }
  } catch {
    // The application's object throws when it is read: said in its place.
    return {
      fields: isObject(extra) ? putAll(copyOwn(extra), { [name]: unreadable }) : { [name]: unreadable },
      known: {},
    }
  }
}

/** Looks nobody up and costs no query, so that guessing passwords cannot be used to burden the database. */
function refused(sender: Sender, method: string, action: string, failure: unknown): void {
  const username = keyText(member(failure, 'username'))
  const known: Partial<Observation> = {
    // The context's user is not the one who tries, and whoever tries is anonymous until proven.
    user: member(failure, 'user') ?? null,
    actor: { type: 'anonymous', ...(username !== undefined && { username }) },
    outcome: 'failure',
  }
  const problem = failure === undefined || failure === null ? 'nothing was told of the login' : undefined
  sendEvent(sender, { method, action, taken: ATTEMPT_FIELDS, fields: failure, known, problem })
}

/** The user that was given, else the context's; a login or logout of nobody is a wrong call. */
function actor(user: unknown): { known: Partial<Observation>; problem: string | undefined } {
  if (!isNobody(user)) return { known: { user }, problem: undefined }
  const problem = isNobody(fromContext('user')) ? 'no user was given' : undefined
  return { known: { user: undefined }, problem }
}

/** Of the context; undefined where it cannot be read: the recorder meets the same fault, and its event tells. */
export function fromContext(field: 'user' | 'impersonator'): unknown {
  try {
    const context = contextNode()
    return context && contextField(context, field)
  } catch {
    return undefined
  }
}

export function isNobody(user: unknown): user is null | undefined {
  return user === undefined || user === null
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
