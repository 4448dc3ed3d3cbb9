import type { Settings } from '../../config/settings'
import type { LoginEvents } from './login-events'
import type { UsernamePolicy } from './username'

/** An AuditLogger, whatever its catalogue of events. */
export type LoginAudit = LoginEvents & { readonly settings: Settings }

/** The parts of a request that a login is told by; those of Express, Fastify and node:http have them. */
export interface LoginRequest {
  readonly headers?: unknown
  readonly body?: unknown
  readonly query?: unknown
}

export type LoginAction = 'USER_LOGIN' | 'USER_LOGIN_FAILED' | 'USER_LOGIN_BLOCKED' | 'USER_LOGOUT'

/** What is about to be recorded. */
export interface LoginAttempt<Request extends object = LoginRequest> {
  action: LoginAction
  /** As it was tried, and as it will be shown. */
  username: string | undefined
  reason: string | undefined
  method: string | undefined
  /** Passport's strategies, in the order in which they were asked. */
  strategies: readonly string[]
  /** The application's user object, of a login or logout. */
  user: unknown
  request: Request
}

/** Why a strategy refused: what it gave to `fail`, or its error. */
export interface Refusal {
  info: unknown
  status: number | undefined
}

/** All optional. No function of these can break a login: what it throws is reported once. */
export interface LoginHookOptions<Request extends object = LoginRequest> {
  /** Records the events. The logger of the global functions unless given. */
  audit?: LoginAudit | undefined
  /**
   * The name that was tried. Unless given: the strategy's own field, else `username`, `email`, `login`, `user` or
   * `identifier` of the body or query, else that of a Basic authorization header.
   */
  username?(request: Request): unknown
  /** How names that were tried in vain are shown: see docs/login.md. `cautious` unless given. */
  usernames?: UsernamePolicy | undefined
  /** The key of `usernames: 'hash'`; the `maskKey` of the `audit` logger's settings unless given. */
  hashKey?: string | undefined
  /** How somebody logs in, by the strategy's name; undefined leaves it to the default (`password`, `oauth`, …). */
  method?(strategy: string, request: Request): string | undefined
  /**
   * Strategies whose success is a login though no session begins (`session: false`): those of routes that hand out a
   * token. Not those that look at a token in every request. None unless given; true for all.
   */
  stateless?: boolean | readonly string[] | undefined
  /** Whether a refusal means that the attempt was blocked. Unless given: `info.blocked`, or status 423 or 429. */
  blocked?(refusal: Refusal): boolean
  /** True for what is not to be recorded. */
  skip?(attempt: LoginAttempt<Request>): boolean
}
