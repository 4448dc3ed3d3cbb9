import { keyText, primaryKey } from '../context/entity'
import { member } from '../event/copy-own'
import { hearEnd } from './hear-end'
import type { Here, LoginHook } from './hook'
import type { LoginRequest } from './options'
import { reasonOfError } from './reason'
import { replaceMethod } from './replace-method'
import { stateOf } from './request-state'

type Method = (this: unknown, ...values: unknown[]) => unknown

/** How a session tells its user. */
export interface SessionReading {
  user: (session: object) => unknown
  method: string | undefined
}

/**
 * Watches the session of one request. Who is logged in is what the store holds: so it is when a session is saved,
 * destroyed or replaced that a login or logout took effect, and not when the application fills in a field.
 */
export class SessionWatch {
  readonly #hook: LoginHook
  readonly #request: LoginRequest
  readonly #reading: SessionReading
  readonly #here: Here
  /** Whom the store knows, as far as this request has seen. */
  #stored: unknown
  #replaced = false

  constructor(hook: LoginHook, request: LoginRequest, reading: SessionReading) {
    this.#hook = hook
    this.#request = request
    this.#reading = reading
    this.#here = hook.here()
    this.#stored = this.#read()
    this.#watch()
  }

  /** The response is sent: a session that was replaced and never saved has left nobody logged in. */
  end(): void {
    if (this.#replaced) this.#compare(this.#read())
  }

  #session(): unknown {
    return member(this.#request, 'session')
  }

  #read(): unknown {
    const session = this.#session()
    if (typeof session !== 'object' || session === null) return undefined
    return this.#hook.ask('user', () => this.#reading.user(session)) ?? undefined
  }

  #watch(): void {
    const session = this.#session()
    if (typeof session !== 'object' || session === null) return
    this.#hear(session, 'save', (error) => {
      if (error === undefined) this.#compare(this.#read())
    })
    this.#hear(session, 'destroy', (error) => {
      if (error === undefined) this.#compare(undefined)
      else if (this.#stored !== undefined) this.#loggedOut(this.#stored, reasonOfError(error))
    })
    this.#hear(session, 'regenerate', (error) => {
      if (error === undefined) this.#replaced = true
      this.#watchNew(session)
    })
    this.#hear(session, 'reload', (error) => {
      this.#watchNew(session)
      if (error === undefined) this.#stored = this.#read()
    })
  }

  #watchNew(old: object): void {
    if (this.#session() !== old) this.#watch()
  }

  #hear(session: object, name: string, heard: (error: unknown) => void): void {
    const ask = (error: unknown): void => {
      this.#hook.ask(name, () => heard(error))
    }
    replaceMethod(session, name, (original) => {
      return function (this: unknown, ...values: unknown[]) {
        return hearEnd((args) => Reflect.apply(original as Method, this, args), values, ask)
      }
    })
  }

  #compare(now: unknown): void {
    const before = this.#stored
    if (identity(before) === identity(now)) return
    this.#stored = now
    if (now === undefined) this.#loggedOut(before, undefined)
    else this.#loggedIn(now)
  }

  #loggedIn(user: unknown): void {
    const state = stateOf(this.#request)
    if (state.busy > 0 || state.guarded > 0 || (state.loggedIn.size > 0 && !state.loggedOut)) return
    state.loggedIn.add(user)
    state.loggedOut = false
    this.#hook.record(this.#here, 'USER_LOGIN', this.#request, { user, method: this.#reading.method })
  }

  #loggedOut(user: unknown, reason: string | undefined): void {
    const state = stateOf(this.#request)
    if (state.busy > 0 || state.loggedOut) return
    state.loggedOut = reason === undefined
    this.#hook.record(this.#here, 'USER_LOGOUT', this.#request, { user, reason })
  }
}

/** The store gives back a copy, so a user is compared by his key, else by all that is kept of him. */
function identity(user: unknown): string | undefined {
  if (user === undefined) return undefined
  if (typeof user !== 'object' || user === null) return keyText(user) ?? String(user)
  return primaryKey(user, undefined) ?? JSON.stringify(user)
}
