import { Chain } from './chain'
import type { LoginHook } from './hook'
import type { LoginRequest } from './options'

/** One of Passport's, as both `passport` and `@fastify/passport` have them. */
export interface StrategyLike {
  authenticate(this: unknown, request: object, options?: object): unknown
}

type Act = (...values: unknown[]) => unknown

/** What Passport gives the strategy that it runs; each tells how the attempt went on. */
interface Running {
  success: Act
  fail: Act
  error: Act
  pass: Act
}

const PASSWORD = new Set(['local', 'basic', 'digest', 'ldapauth', 'ldap', 'activedirectory'])
const NOTHING: object = {}

/** How somebody logs in by a strategy. */
export function methodOf(name: string, strategy: object): string {
  if (PASSWORD.has(name) || '_passwordField' in strategy) return 'password'
  return '_oauth2' in strategy || '_oauth' in strategy ? 'oauth' : name
}

/** Puts strategies into Passport's hands that tell the hook how each attempt ends. */
export class AuditedStrategies<Request extends object = LoginRequest> {
  readonly #hook: LoginHook<Request>
  readonly #chains = new WeakMap<object, Chain<Request>>()
  readonly #audited = new WeakMap<object, Map<string, StrategyLike>>()
  readonly #prepare: (request: object) => void

  /** `prepare` is told of every request that a strategy sees, the one that reads the session included. */
  constructor(hook: LoginHook<Request>, prepare: (request: object) => void) {
    this.#hook = hook
    this.#prepare = prepare
  }

  /** A strategy that behaves as the given one. */
  audited(real: StrategyLike, name: string): StrategyLike {
    const known = this.#audited.get(real) ?? new Map<string, StrategyLike>()
    this.#audited.set(real, known)
    const made = known.get(name) ?? this.#make(real, name)
    known.set(name, made)
    return made
  }

  #make(real: StrategyLike, name: string): StrategyLike {
    const strategies = this
    const audited = Object.create(real) as StrategyLike
    const authenticate = function (this: Running, request: object, options: object = NOTHING): unknown {
      // Given by name, it is Passport that makes an instance for each request; given as an object, it makes none.
      const own = this === (audited as unknown) ? (Object.assign(Object.create(real), this) as Running) : this
      if (strategies.#hook.active) {
        strategies.#hook.ask('strategy', () => strategies.#listen(own, real, name, request, options))
      }
      return strategies.#run(own, real, request, options, name)
    }
    return Object.defineProperty(audited, 'authenticate', { value: authenticate, configurable: true, writable: true })
  }

  #run(running: Running, real: StrategyLike, request: object, options: object, name: string): unknown {
    const erred = (error: unknown): never => {
      this.#hook.ask('strategy', () => this.#chains.get(request)?.erred(name, this.#method(name, real, request), error))
      throw error
    }
    try {
      const result = real.authenticate.call(running, request, options)
      return result instanceof Promise ? result.catch(erred) : result
    } catch (error) {
      return erred(error)
    }
  }

  #method(name: string, real: object, request: object): string {
    const { options } = this.#hook
    return this.#hook.ask('method', () => options.method?.(name, request as Request)) ?? methodOf(name, real)
  }

  #listen(running: Running, real: StrategyLike, name: string, request: object, options: object): void {
    this.#prepare(request)
    // Reading a session is no login, and failing to read one is no failed login; nor is connecting an account.
    if (name === 'session' || 'assignProperty' in options) return
    const chain = this.#chain(request as Request, options)
    chain.begin(real)
    const { success, fail, error, pass } = running
    const method = this.#method(name, real, request)
    running.success = (...values) => {
      const counts = this.#counts(name, options)
      this.#hook.ask('strategy', () => chain.succeeded(name, method, values[0], counts))
      return Reflect.apply(success, running, values)
    }
    running.fail = (...values) => {
      const [info, status] = typeof values[0] === 'number' ? [undefined, values[0]] : values
      const failure = { strategy: name, method, info, status: typeof status === 'number' ? status : undefined }
      return chain.failed(failure, () => Reflect.apply(fail, running, values))
    }
    running.error = (...values) => {
      this.#hook.ask('strategy', () => chain.erred(name, method, values[0]))
      return Reflect.apply(error, running, values)
    }
    running.pass = (...values) => {
      this.#hook.ask('strategy', () => chain.passed())
      return Reflect.apply(pass, running, values)
    }
  }

  /** The attempt that this strategy belongs to: the running one, if it is the same `authenticate(…)` that asks. */
  #chain(request: Request, options: object): Chain<Request> {
    const running = this.#chains.get(request)
    if (running !== undefined && !running.settled) {
      if (running.options === options) return running
      running.allFailed()
    }
    const chain = new Chain(this.#hook, request, options)
    this.#chains.set(request, chain)
    return chain
  }

  /** Whether success is a login: with a session, Passport's own `logIn` tells better. */
  #counts(name: string, options: object): boolean {
    const { stateless = false } = this.#hook.options
    if ((options as { session?: unknown }).session !== false) return false
    return typeof stateless === 'boolean' ? stateless : stateless.includes(name)
  }
}
