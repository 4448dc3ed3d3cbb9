import type { Credentials } from './credentials'
import type { Here, LoginHook, Told } from './hook'
import type { LoginRequest, Refusal } from './options'
import { asksForCredentials, reasonOf, reasonOfError } from './reason'
import { stateOf } from './request-state'

interface Failure extends Refusal {
  strategy: string
  method: string
}

/**
 * One attempt: the strategies that one `passport.authenticate(…)` asks one after the other, until one of them decides.
 * That all of them refused is known when none follows.
 */
export class Chain<Request extends object = LoginRequest> {
  readonly here: Here
  readonly #hook: LoginHook<Request>
  readonly #request: Request
  readonly #failures: Failure[] = []
  /** Whose credentials are not read yet. */
  readonly #strategies: object[] = []
  #credentials: Credentials | undefined
  #form = false
  #step = 0
  /** A strategy has refused, and no other follows yet. */
  #refusing = false
  #settled = false

  /** `options` are those of `authenticate(…)`: one object for all strategies of an attempt. */
  constructor(
    hook: LoginHook<Request>,
    request: Request,
    readonly options: object,
  ) {
    this.#hook = hook
    this.#request = request
    this.here = hook.here()
  }

  get settled(): boolean {
    return this.#settled
  }

  begin(strategy: object): void {
    this.#step += 1
    this.#refusing = false
    // A form that comes back empty is an attempt all the same; a header that is not there is none.
    if ('_usernameField' in strategy) this.#form = true
    this.#strategies.push(strategy)
    // A strategy may take the password out of the body. Of tokens, looked at in each request, it is read when needed.
    if (this.#form) this.#read()
  }

  #read(): Credentials {
    for (const strategy of this.#strategies.splice(0)) {
      const found = this.#hook.credentials(this.#request, strategy)
      const known = this.#credentials
      this.#credentials = known && {
        username: known.username ?? found.username,
        secrets: [...new Set([...known.secrets, ...found.secrets])],
        presented: known.presented || found.presented,
      }
      this.#credentials ??= found
    }
    return this.#credentials ?? this.#hook.credentials(this.#request)
  }

  /** A strategy refuses; `proceed` is what Passport does then. */
  failed<T>(failure: Failure, proceed: () => T): T {
    this.#failures.push(failure)
    this.#refusing = true
    const step = this.#step
    try {
      return proceed()
    } finally {
      // Passport asks the next strategy at once; @fastify/passport does in one of the next microtasks.
      void afterMicrotasks().then(() => {
        if (this.#step === step) this.allFailed()
      })
    }
  }

  /** The request goes on as it came. What was tried on the way, if anything, was refused for good. */
  passed(): void {
    if (this.#tried) this.allFailed()
    this.#settled = true
  }

  /** The attempt is over, and nobody is logged in by it. */
  allFailed(): void {
    if (this.#settled || this.#failures.length === 0) return
    this.#settled = true
    if (!this.#tried && this.#failures.every(({ info }) => asksForCredentials(info))) return
    const reasons = new Set(this.#failures.map(({ info }) => reasonOf(info)).filter((reason) => reason !== undefined))
    const blocked = this.#failures.some((failure) => this.#hook.blocks(failure))
    this.#refused(blocked, reasons.size === 0 ? undefined : [...reasons].join('; '))
  }

  /** A strategy could not find out: Passport asks no other. */
  erred(strategy: string, method: string, error: unknown): void {
    // Thrown by what the application does after a refusal: the reason stays that of the refusal.
    if (this.#refusing) this.allFailed()
    if (this.#settled) return
    this.#settled = true
    this.#failures.push({ strategy, method, info: error, status: undefined })
    this.#refused(false, reasonOfError(error))
  }

  succeeded(strategy: string, method: string, user: unknown, counts: boolean): void {
    if (this.#settled) return
    this.#settled = true
    const state = stateOf(this.#request)
    state.success = { user, strategy, method }
    if (!counts || state.guarded > 0) return
    state.loggedIn.add(user)
    const told = { user, method, strategies: [strategy] }
    this.#hook.record(this.here, 'USER_LOGIN', this.#request, told)
  }

  get #tried(): boolean {
    return this.#form || this.#read().presented
  }

  #refused(blocked: boolean, reason: string | undefined): void {
    const state = stateOf(this.#request)
    state.noted = { reason, blocked, asks: false }
    if (state.guarded > 0) return
    const methods = new Set(this.#failures.map(({ method }) => method))
    const told: Told = {
      reason,
      method: [...methods].join(', '),
      strategies: this.#failures.map(({ strategy }) => strategy),
      credentials: this.#read(),
    }
    this.#hook.record(this.here, blocked ? 'USER_LOGIN_BLOCKED' : 'USER_LOGIN_FAILED', this.#request, told)
  }
}

async function afterMicrotasks(): Promise<void> {
  for (let tick = 0; tick < 4; tick += 1) await undefined
}
