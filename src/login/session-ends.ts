import { keyText } from '../context/entity'
import { member } from '../event/copy-own'
import { hearEnd } from './hear-end'
import type { LoginHook } from './hook'
import type { LoginRequest } from './options'
import { reasonOfError } from './reason'
import { replaceMethod } from './replace-method'
import { stateOf } from './request-state'

type Method = (this: unknown, ...values: unknown[]) => unknown

/** On the `logOut` that stands in for Passport's own, so that a request gets one. */
const AUDITED = Symbol('audited')

/** Where a request keeps its user: Passport's `userProperty`. */
export type UserProperty = (request: object) => string

/** Passport's session manager takes a user into the session: a login, if the session can be kept. */
export function auditedLogIn<Request extends object = LoginRequest>(
  hook: LoginHook<Request>,
  original: Method,
  prepare: (request: object) => void,
): Method {
  return function (this: unknown, ...values) {
    const [request, user] = values
    if (!hook.active || typeof request !== 'object' || request === null) return Reflect.apply(original, this, values)
    hook.ask('login', () => prepare(request))
    const state = stateOf(request)
    const here = hook.here()
    state.busy += 1
    return hearEnd(
      (args) => Reflect.apply(original, this, args),
      values,
      (error) => {
        state.busy -= 1
        hook.ask('login', () => {
          if (state.guarded > 0) return
          const known = state.success?.user === user ? state.success : undefined
          const strategies = known === undefined ? [] : [known.strategy]
          const told = { method: known?.method, strategies }
          if (error === undefined) {
            // The session is another one now.
            prepare(request)
            if (state.loggedIn.has(user) && !state.loggedOut) return
            state.loggedIn.add(user)
            state.loggedOut = false
            hook.record(here, 'USER_LOGIN', request as Request, { ...told, user })
          } else {
            const found = hook.credentials(request as Request)
            const credentials = { ...found, username: found.username ?? keyText(member(user, 'username')) }
            const reason = reasonOfError(error)
            hook.record(here, 'USER_LOGIN_FAILED', request as Request, { ...told, credentials, reason })
          }
        })
      },
    )
  }
}

/** Lets the request tell how its user leaves: Passport forgets him before it does anything else. */
export function auditLogOut<Request extends object = LoginRequest>(
  hook: LoginHook<Request>,
  request: object,
  property: UserProperty,
): void {
  const leaving = leavingOf(hook, request, property)
  const original: unknown = Reflect.get(request, 'logOut')
  if (typeof original === 'function' && !(AUDITED in original)) {
    const logOut = (...values: unknown[]): unknown => leaving((args) => Reflect.apply(original, request, args), values)
    Object.assign(request, { logOut: Object.assign(logOut, { [AUDITED]: true }), logout: logOut })
  }
  // Many applications log out so, and leave Passport out of it.
  const session = member(request, 'session')
  const destroy = member(session, 'destroy')
  if (typeof session !== 'object' || session === null || typeof destroy !== 'function' || AUDITED in destroy) return
  replaceMethod(session, 'destroy', (old) => {
    const audited = function (this: unknown, ...values: unknown[]): unknown {
      return leaving((args) => Reflect.apply(old as Method, this, args), values)
    }
    return Object.assign(audited, { [AUDITED]: true })
  })
}

function leavingOf<Request extends object>(hook: LoginHook<Request>, request: object, property: UserProperty) {
  return (call: (args: unknown[]) => unknown, values: unknown[]): unknown => {
    const state = stateOf(request)
    const user = hook.active ? hook.ask('logout', () => member(request, property(request))) : undefined
    if (user === undefined || user === null || state.busy > 0 || state.loggedOut) return call(values)
    const here = hook.here()
    state.busy += 1
    return hearEnd(call, values, (error) => {
      state.busy -= 1
      state.loggedOut = error === undefined
      const reason = error === undefined ? undefined : reasonOfError(error)
      hook.record(here, 'USER_LOGOUT', request as Request, { user, reason })
    })
  }
}
