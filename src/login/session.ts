import { member } from '../event/copy-own'
import { LoginHook } from './hook'
import type { LoginAttempt, LoginAudit, LoginRequest } from './options'
import { stateOf } from './request-state'
import { SessionWatch } from './session-watch'

export type { LoginAction, LoginAttempt, LoginRequest } from './options'

/** For applications that keep their user in the session themselves. */
export interface SessionHookOptions {
  /**
   * Where the session keeps the user: the name of a field or a path (`'userId'`, `'account.id'`), or a function that is
   * given the session. What is there becomes the event's user: a user object, or his key.
   */
  user: string | ((session: Readonly<Record<string, unknown>>) => unknown)
  /** How people log in. Absent from the events unless given. */
  method?: string | undefined
  /** Records the events. The logger of the global functions unless given. */
  audit?: LoginAudit | undefined
  /** True for what is not to be recorded. */
  skip?(attempt: LoginAttempt): boolean
}

interface Emitting {
  once(event: 'close', listener: () => void): unknown
}

/** A middleware of Express and its kind. */
export interface SessionMiddleware {
  (request: object, response: Emitting, next: () => void): void
  /** From here on it only passes requests on. */
  undo(): void
}

/**
 * Records USER_LOGIN when a session that is saved has a user whom it had not before, and USER_LOGOUT when a session is
 * saved without the user it had, is destroyed, or is replaced by one without him. For `express-session`; put it behind
 * that. Applications with Passport need `auditPassport` instead.
 *
 * @example
 * app.use(session({ … }), auditSession({ user: 'userId' }))
 */
export function auditSession(options: SessionHookOptions): SessionMiddleware {
  const { hook, watch } = watching(options)
  const middleware = (request: object, response: Emitting, next: () => void): void => {
    const watched = watch(request)
    if (watched !== undefined) response.once('close', () => void hook.ask('end', () => watched.end()))
    next()
  }
  return Object.assign(middleware, { undo: () => deactivate(hook) })
}

interface FastifyLike {
  addHook(name: 'onRequest' | 'onResponse', hook: (request: object, reply: unknown, done: () => void) => void): unknown
}

/**
 * The same for `@fastify/session`, as a plugin; register it behind that.
 *
 * @example
 * app.register(auditFastifySession, { user: 'userId' })
 */
export function auditFastifySession(fastify: FastifyLike, options: SessionHookOptions, done: () => void): void {
  const { hook, watch } = watching(options)
  const watches = new WeakMap<object, SessionWatch>()
  fastify.addHook('onRequest', (request, _reply, next) => {
    const watched = watch(request)
    if (watched !== undefined) watches.set(request, watched)
    next()
  })
  fastify.addHook('onResponse', (request, _reply, next) => {
    hook.ask('end', () => watches.get(request)?.end())
    next()
  })
  done()
}

// What fastify-plugin does: hooks for the instance that registers it, not for an instance of the plugin's own.
// https://fastify.dev/docs/latest/Reference/Plugins/#handle-the-scope
Object.assign(auditFastifySession, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'typeorm-audit-logger-session',
})

function watching({ user, method, audit, skip }: SessionHookOptions) {
  const hook = new LoginHook({ audit, ...(skip !== undefined && { skip }) })
  const path = typeof user === 'string' ? user.split('.') : undefined
  const read = path === undefined ? (user as (session: object) => unknown) : (session: object) => walk(session, path)
  const watch = (request: LoginRequest): SessionWatch | undefined =>
    hook.ask('session', () => {
      const state = stateOf(request)
      if (!hook.active || state.watched) return undefined
      state.watched = true
      return new SessionWatch(hook, request, { user: read, method })
    })
  return { hook, watch }
}

function walk(session: object, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => member(value, name), session)
}

function deactivate(hook: LoginHook): void {
  hook.active = false
}
