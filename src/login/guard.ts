import { AuditError } from '../../config/errors'
import { member } from '../event/copy-own'
import { LoginHook } from './hook'
import type { LoginHookOptions, LoginRequest } from './options'
import { asksForCredentials, reasonOf } from './reason'
import { stateOf } from './request-state'

/** What the guard of a login is told besides what all hooks are. */
export interface GuardOptions<Request extends object = LoginRequest>
  extends Omit<LoginHookOptions<Request>, 'method' | 'stateless' | 'blocked'> {
  /** How people log in here. `password` unless given. */
  method?: string | undefined
  /** The user, once the guard has let the request pass. `request.user` unless given. */
  user?(request: Request): unknown
  /** `false` for guards that look at every request: then only refusals are recorded. */
  logins?: boolean | undefined
}

/** The execution context of NestJS, as far as it is needed. */
interface GuardContext {
  switchToHttp(): { getRequest(): unknown }
}

type GuardClass = abstract new (...dependencies: never[]) => { canActivate(context: never): unknown }
type Guard = Record<'canActivate' | 'handleRequest' | 'getRequest', unknown>

/**
 * The guard that stands before a login, made to record it: USER_LOGIN with the user it lets pass, USER_LOGIN_FAILED with
 * the reason for which it does not. A class, to be put in the guard's place; of any guard, and with the strategies'
 * reasons of those that `AuthGuard` of `@nestjs/passport` makes.
 *
 * @throws AuditError when it is given no class of a guard
 *
 * @example
 * @UseGuards(auditGuard(AuthGuard('local')))
 * @Post('login')
 * login() { … }
 */
export function auditGuard<Class extends GuardClass, Request extends object = LoginRequest>(
  guard: Class,
  options: GuardOptions<Request> = {},
): Class {
  if (typeof guard !== 'function' || typeof member(guard.prototype, 'canActivate') !== 'function') {
    throw new AuditError('AUDIT_LOGIN_HOOK_INVALID', { problem: 'what was given is no class with a canActivate' })
  }
  const { method = 'password', user, logins, ...others } = options
  const hook = new LoginHook<Request>(others)
  // A class of its own: the same guard may stand, unaudited, before other routes.
  const base = guard as unknown as new (...dependencies: unknown[]) => object
  const audited = class extends base {}
  Object.defineProperty(audited, 'name', { value: `Audited${guard.name}` })
  const { canActivate, handleRequest } = guard.prototype as Guard

  const define = (name: string, value: (this: object, ...values: unknown[]) => unknown): void => {
    Object.defineProperty(audited.prototype, name, { value, configurable: true, writable: true })
  }
  define('canActivate', function (...values) {
    const call = () => Reflect.apply(canActivate as () => unknown, this, values)
    const request = hook.ask('request', () => requestOf(this, values[0]))
    if (!isObject(request)) return call()
    return watched(call, new Attempt(hook, request as Request, { method, user, logins: logins !== false }))
  })
  if (typeof handleRequest === 'function') {
    // Of @nestjs/passport: here the guard hears why, and throws the same exception whatever it was.
    define('handleRequest', function (...values) {
      const [error, found, info, context] = values
      const request = hook.ask('request', () => requestOf(this, context))
      if (isObject(request) && !found) {
        const asks = !error && listOf(info).every(asksForCredentials)
        stateOf(request).noted ??= { reason: reasonOf(error) ?? reasonOf(firstOf(info)), blocked: false, asks }
      }
      return Reflect.apply(handleRequest, this, values)
    })
  }
  return audited as unknown as Class
}

interface How<Request> {
  method: string
  user: ((request: Request) => unknown) | undefined
  logins: boolean
}

/** One run of the guard. While it lasts, other hooks leave the login to it. */
class Attempt<Request extends object> {
  readonly #hook: LoginHook<Request>
  readonly #request: Request
  readonly #how: How<Request>
  readonly #here
  #over = false

  constructor(hook: LoginHook<Request>, request: Request, how: How<Request>) {
    this.#hook = hook
    this.#request = request
    this.#how = how
    this.#here = hook.here()
    const state = stateOf(request)
    if (state.guarded === 0) state.noted = undefined
    state.guarded += 1
  }

  passed(): void {
    if (!this.#end() || !this.#how.logins) return
    const { user: userOf, method } = this.#how
    const user = this.#hook.ask('user', () =>
      userOf === undefined ? member(this.#request, 'user') : userOf(this.#request),
    )
    const state = stateOf(this.#request)
    if (state.loggedIn.has(user)) return
    state.loggedIn.add(user)
    this.#hook.record(this.#here, 'USER_LOGIN', this.#request, { user, method })
  }

  refused(error?: unknown): void {
    if (!this.#end()) return
    const { noted } = stateOf(this.#request)
    // A request that brought nothing to look at has tried nothing.
    if (noted?.asks === true && !this.#hook.credentials(this.#request).presented) return
    const status = member(error, 'status')
    const blocked = noted?.blocked === true || status === 429 || status === 423
    const reason = noted?.reason ?? reasonOf(error)
    const told = { reason, method: this.#how.method }
    this.#hook.record(this.#here, blocked ? 'USER_LOGIN_BLOCKED' : 'USER_LOGIN_FAILED', this.#request, told)
  }

  #end(): boolean {
    if (this.#over) return false
    this.#over = true
    const state = stateOf(this.#request)
    state.guarded -= 1
    // Of guards within guards, the outermost decides.
    return state.guarded === 0
  }
}

/** A guard answers with a boolean, a promise of one, or an Observable whose last value counts. */
function watched<Request extends object>(call: () => unknown, attempt: Attempt<Request>): unknown {
  const answered = (answer: unknown): void => {
    if (answer === true) attempt.passed()
    else attempt.refused()
  }
  const failed = (error: unknown): never => {
    attempt.refused(error)
    throw error
  }
  try {
    const result = call()
    const later = promiseOf(result)
    if (later === undefined) answered(result)
    if (later === undefined) return result
    return later.then((answer) => {
      answered(answer)
      return answer
    }, failed)
  } catch (error) {
    return failed(error)
  }
}

interface Observing {
  next(value: unknown): void
  error(error: unknown): void
  complete(): void
}

function promiseOf(result: unknown): PromiseLike<unknown> | undefined {
  if (!isObject(result)) return undefined
  if (typeof member(result, 'then') === 'function') return result as PromiseLike<unknown>
  if (typeof member(result, 'subscribe') !== 'function') return undefined
  return new Promise((resolve, reject) => {
    let last: unknown
    const observing: Observing = { next: (value) => (last = value), error: reject, complete: () => resolve(last) }
    ;(result as { subscribe(observing: Observing): unknown }).subscribe(observing)
  })
}

/** GraphQL and the like have a `getRequest` of their own, as the documentation of @nestjs/passport has it. */
function requestOf(guard: object, context: unknown): unknown {
  const { getRequest } = guard as Partial<Guard>
  if (typeof getRequest === 'function') return Reflect.apply(getRequest, guard, [context])
  return (context as GuardContext).switchToHttp().getRequest()
}

/** Of several strategies, the first that says something. */
function firstOf(info: unknown): unknown {
  return Array.isArray(info) ? info.find((one) => reasonOf(one) !== undefined) : info
}

function listOf(info: unknown): readonly unknown[] {
  return Array.isArray(info) ? info : [info]
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
