import { AuditError } from '../../config/errors'
import { member } from '../event/copy-own'
import { LoginHook } from './hook'
import type { LoginHookOptions, LoginRequest } from './options'
import { replaceMethod } from './replace-method'
import { auditedLogIn, auditLogOut, type UserProperty } from './session-ends'
import { AuditedStrategies, type StrategyLike } from './strategy'

export type { LoginAction, LoginAttempt, LoginHookOptions, LoginRequest, Refusal } from './options'
export type { UsernamePolicy } from './username'

type Method = (this: unknown, ...values: unknown[]) => unknown

/** By a registered name, so that two copies of this package do not hook into one Passport. */
const HOOKED = Symbol.for('typeorm-audit-logger.passport.v1')

/** Where the one Passport and the other keep the same things. */
interface Parts {
  passport: object
  /** The method that finds a strategy by its name. */
  find: string
  sessions: object
  property: UserProperty
}

/**
 * Records what Passport does: USER_LOGIN, USER_LOGIN_FAILED, USER_LOGIN_BLOCKED and USER_LOGOUT, each with who, from
 * where and how. Call it once, before or after strategies and routes are set up. Returns the undoing of it; a second
 * call for the same Passport changes nothing and returns the same.
 *
 * @param passport `passport` or the `fastifyPassport` of `@fastify/passport`
 * @throws AuditError when it is neither
 *
 * @example
 * auditPassport(passport)
 */
export function auditPassport<Request extends object = LoginRequest>(
  passport: object,
  options: LoginHookOptions<Request> = {},
): () => void {
  const parts = partsOf(passport) ?? partsOf(member(passport, 'default'))
  if (parts === undefined) {
    throw new AuditError('AUDIT_LOGIN_HOOK_INVALID', { problem: 'what was given is no Passport that it knows' })
  }
  const known = Reflect.get(parts.passport, HOOKED) as (() => void) | undefined
  if (known !== undefined) return known
  const undo = install(parts, new LoginHook(options))
  Object.defineProperty(parts.passport, HOOKED, { value: undo, configurable: true })
  return undo
}

function install<Request extends object>({ passport, find, sessions, property }: Parts, hook: LoginHook<Request>) {
  const prepare = (request: object): void => auditLogOut(hook, request, property)
  const strategies = new AuditedStrategies(hook, prepare)
  const undos = [
    replaceMethod(passport, find, (original) => {
      return function (this: unknown, ...values: unknown[]) {
        const found: unknown = Reflect.apply(original, this, values)
        return isStrategy(found) ? strategies.audited(found, String(values[0])) : found
      }
    }),
    replaceMethod(passport, 'authenticate', (original) => {
      return function (this: unknown, first: unknown, ...values: unknown[]) {
        const audited = (one: unknown) => (isStrategy(one) ? strategies.audited(one, nameOf(one)) : one)
        return Reflect.apply(original, this, [Array.isArray(first) ? first.map(audited) : audited(first), ...values])
      }
    }),
    replaceMethod(sessions, 'logIn', (original) => auditedLogIn(hook, original as Method, prepare)),
  ]
  return (): void => {
    hook.active = false
    for (const undo of undos.splice(0)) undo()
    Reflect.deleteProperty(passport, HOOKED)
  }
}

function partsOf(passport: unknown): Parts | undefined {
  const sessions = member(passport, '_sm')
  if (isObject(passport) && isFunction(member(passport, '_strategy')) && hasLogIn(sessions)) {
    const property = (request: object): string => textOr(member(request, '_userProperty'), 'user')
    return { passport, find: '_strategy', sessions, property }
  }
  const manager = member(passport, 'sessionManager')
  if (isObject(passport) && isFunction(member(passport, 'strategy')) && hasLogIn(manager)) {
    return {
      passport,
      find: 'strategy',
      sessions: manager,
      property: () => textOr(member(passport, 'userProperty'), 'user'),
    }
  }
  return undefined
}

function isStrategy(value: unknown): value is StrategyLike {
  return isObject(value) && isFunction(member(value, 'authenticate'))
}

/** As `@fastify/passport` names those that are given as objects. */
function nameOf(strategy: object): string {
  return textOr(member(strategy, 'name'), strategy.constructor.name)
}

function hasLogIn(value: unknown): value is object {
  return isObject(value) && isFunction(member(value, 'logIn'))
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise
}
