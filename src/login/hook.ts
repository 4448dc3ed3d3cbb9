import { AsyncLocalStorage } from 'node:async_hooks'
import { AuditError } from '../../config/errors'
import { contextField, contextNode, runWithContext } from '../context/context'
import { keyText } from '../context/entity'
import { requestParts } from '../context/request'
import { logLogin, logLoginBlocked, logLoginFailed, logLogout } from '../default-logger'
import { member } from '../event/copy-own'
import { problemOf, Reports } from '../report'
import { type Credentials, credentialsOf } from './credentials'
import type { LoginEvents } from './login-events'
import type { LoginAction, LoginAttempt, LoginHookOptions, LoginRequest, Refusal } from './options'
import { safeReason } from './reason'
import { shownUsername } from './username'

/** Runs a function in the context in which this was made: databases and session stores lose it on their way. */
export type Here = (fn: () => void) => void

/** What is told of an attempt; the hook adds what the request says. */
export interface Told {
  user?: unknown
  reason?: string | undefined
  method?: string | undefined
  strategies?: readonly string[]
  credentials?: Credentials | undefined
}

type Log = Pick<LoginEvents, 'logLogin' | 'logLoginFailed' | 'logLoginBlocked' | 'logLogout'>

const GLOBAL: Log = { logLogin, logLoginFailed, logLoginBlocked, logLogout }
const BLOCKED: ReadonlySet<unknown> = new Set([423, 429])

/** What all login hooks have in common: they record in the request's context, and never throw into a login. */
export class LoginHook<Request extends object = LoginRequest> {
  readonly options: LoginHookOptions<Request>
  /** False once the hook is undone: requests that it is still part of pass untouched. */
  active = true
  readonly #log: Log
  readonly #reports: Reports
  readonly #hashKey: string | undefined

  /** @throws AuditError when the options contradict each other */
  constructor(options: LoginHookOptions<Request> = {}) {
    this.options = options
    this.#log = options.audit ?? GLOBAL
    this.#reports = new Reports(options.audit?.settings.logger)
    this.#hashKey = options.hashKey ?? options.audit?.settings.maskKey
    if (options.usernames === 'hash' && this.#hashKey === undefined) {
      throw new AuditError('AUDIT_LOGIN_HOOK_INVALID', { problem: "usernames: 'hash' needs a hashKey" })
    }
  }

  here(): Here {
    return AsyncLocalStorage.snapshot() as Here
  }

  /** What the option says, or undefined if it throws: that is reported once. */
  ask<T>(name: string, option: () => T): T | undefined {
    try {
      return option()
    } catch (error) {
      this.#reports.report('AUDIT_LOGIN_HOOK_FAILED', { option: name, problem: problemOf(error) }, name)
      return undefined
    }
  }

  credentials(request: Request, strategy?: object): Credentials {
    const found = credentialsOf(request, strategy)
    const { options } = this
    if (options.username === undefined) return found
    const given = this.ask('username', () => keyText(options.username?.(request)))
    return { ...found, username: given, presented: found.presented || given !== undefined }
  }

  blocks(refusal: Refusal): boolean {
    const { options } = this
    if (options.blocked !== undefined) return this.ask('blocked', () => options.blocked?.(refusal)) === true
    return BLOCKED.has(refusal.status) || member(refusal.info, 'blocked') === true
  }

  record(here: Here, action: LoginAction, request: Request, told: Told): void {
    if (!this.active) return
    this.ask('event', () =>
      here(() => this.ask('event', () => inRequest(request, () => this.#send(action, request, told)))),
    )
  }

  #send(action: LoginAction, request: Request, told: Told): void {
    const { user, method, strategies = [] } = told
    const succeeded = action === 'USER_LOGIN' || action === 'USER_LOGOUT'
    const credentials = succeeded ? undefined : (told.credentials ?? this.credentials(request))
    const username = credentials && this.#shown(credentials)
    const reason = safeReason(told.reason, credentials?.secrets ?? [])
    const attempt: LoginAttempt<Request> = { action, username, reason, method, strategies, user, request }
    const { options } = this
    if (this.ask('skip', () => options.skip?.(attempt)) === true) return
    const strategy = strategies.length === 0 ? undefined : strategies.join(', ')
    const fields = {
      ...(reason !== undefined && { reason, ...(succeeded && { outcome: 'failure' as const }) }),
      ...(method !== undefined && { method }),
      ...(strategy !== undefined && { strategy }),
    }
    if (action === 'USER_LOGIN') this.#log.logLogin(user, fields)
    else if (action === 'USER_LOGOUT') this.#log.logLogout(user, fields)
    else if (action === 'USER_LOGIN_BLOCKED') this.#log.logLoginBlocked({ username, ...fields })
    else this.#log.logLoginFailed({ username, ...fields })
  }

  #shown({ username, secrets }: Credentials): string | undefined {
    if (username === undefined) return undefined
    const policy = this.options.usernames ?? 'cautious'
    return this.ask('usernames', () => shownUsername(username, secrets, policy, this.#hashKey))
  }
}

/** Without a context of the request, for want of the middleware, the event still tells where the attempt came from. */
function inRequest(request: object, fn: () => void): void {
  const context = contextNode()
  if (context !== undefined && contextField(context, 'request') !== undefined) fn()
  else runWithContext({ request: describe(request), entryPoint: 'http' }, fn)
}

function describe(request: object): Record<string, unknown> {
  const { request: known, ip } = requestParts(request as Record<string, unknown>)
  return { ...known, ip: ip ?? member(member(request, 'socket'), 'remoteAddress') }
}
