import type { IncomingMessage } from 'node:http'
import { AuditError } from '../../../config/errors'
import { problemOf } from '../../report'
import type { RequestParts } from '../request'
import type { HttpAdapter } from './adapter'
import { type Allow, allowList } from './allow-list'
import { clientIp, compileTrust, normalIp, type Trust } from './client-ip'
import type { RequestContextOptions } from './options'
import { sessionHash } from './session'

type Source<R> = (request: R) => unknown

/** A request as its context keeps it. */
export interface SeenRequest<R> {
  readonly original: R
  readonly incoming: IncomingMessage
  readonly id: string
  readonly method: string | undefined
  readonly url: string | undefined
  readonly peer: string | undefined
  readonly route: string | undefined
  readonly userAgent: string | undefined
  readonly ip: string | undefined
}

/** Reads from the requests of one middleware what its options ask for. What an option's function throws is named. */
export class RequestReader<R> {
  readonly #adapter: HttpAdapter<R>
  readonly #options: RequestContextOptions<R>
  readonly #trust: Trust
  /** What events show beyond the usual fields, by its name in the event. */
  readonly #more: readonly [name: string, read: Source<R>][]

  /** @throws AuditError naming the option that is not usable */
  constructor(adapter: HttpAdapter<R>, options: RequestContextOptions<R>) {
    this.#adapter = adapter
    this.#options = options
    this.#trust = setUp('trustProxy', () => compileTrust(options.trustProxy))
    this.#more = this.#moreFields()
  }

  get tellsOrganisation(): boolean {
    return this.#options.organisation !== undefined
  }

  url(request: R): string | undefined {
    return this.#adapter.url(request)
  }

  user(request: R): unknown {
    return read('user', () => settled((this.#options.user ?? this.#adapter.user)(request)))
  }

  impersonator(request: R): unknown {
    if (this.#options.impersonator === undefined) return undefined
    return read('impersonator', () => settled(this.#options.impersonator?.(request)))
  }

  organisation(request: R): unknown {
    return read('organisation', () => this.#options.organisation?.(request))
  }

  extra(request: R): Readonly<Record<string, unknown>> | undefined {
    const { extra } = this.#options
    return typeof extra === 'function' ? read('extra', () => settled(extra(request))) : extra
  }

  route(request: R): string | undefined {
    return read('route', () => this.#options.route?.(request) ?? this.#adapter.route(request))
  }

  ip({ original, incoming, peer }: SeenRequest<R>): string | undefined {
    const { ip } = this.#options
    if (ip !== undefined) return read('ip', () => normalIp(settled(ip(original))))
    return read('trustProxy', () => clientIp(incoming.headers, peer, this.#trust))
  }

  /** All that an event tells of a request. One part that cannot be read costs none of the others. */
  parts(context: SeenRequest<R>): RequestParts {
    const problems: AuditError[] = []
    const part = <T>(get: () => T): T | undefined => {
      try {
        return get()
      } catch (error) {
        problems.push(error as AuditError)
        return undefined
      }
    }
    const { id, method, url, userAgent, original } = context
    const request: Record<string, unknown> = { id, method }
    if (url !== undefined) request.url = url
    const route = part(() => context.route)
    if (route !== undefined) request.route = route
    if (userAgent !== undefined) request.user_agent = userAgent
    for (const [name, get] of this.#more) {
      const value = part(() => read(name, () => get(original)))
      if (value !== undefined) request[name] = value
    }
    const parts: RequestParts = { request, ip: part(() => context.ip) }
    return problems.length === 0 ? parts : { ...parts, problems }
  }

  #moreFields(): [string, Source<R>][] {
    const options = this.#options
    const { query, body, headers, session } = options
    const more: [string, Source<R>][] = []
    const add = (name: string, names: readonly string[] | undefined, of: Source<R>) => {
      if (names === undefined || names.length === 0) return
      const allow: Allow = setUp(name, () => allowList(names))
      more.push([name, (request) => allow(of(request))])
    }
    const adapter = this.#adapter
    add('query', query, (request) => adapter.query(request))
    add('body', body, (request) => adapter.body(request))
    add('headers', headers && setUp('headers', () => headers.map(lowerCase)), (request) => {
      return adapter.incoming(request).headers
    })
    if (session !== undefined && session !== false) {
      const hash = sessionHash(typeof session === 'object' ? session.key : undefined, options.audit?.settings)
      const idOf: Source<R> = (typeof session === 'object' && session.id) || ((request) => adapter.sessionId(request))
      more.push(['session', (request) => hash(settled(idOf(request)))])
    }
    return more
  }
}

function lowerCase(name: string): string {
  return name.toLowerCase()
}

function read<T>(option: string, get: () => T): T {
  try {
    return get()
  } catch (error) {
    throw new AuditError('AUDIT_CONTEXT_OPTION_FAILED', { option, problem: problemOf(error) }, { cause: error })
  }
}

/** Runs what an option is made ready with. @throws AuditError naming the option */
export function setUp<T>(option: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw new AuditError('AUDIT_CONTEXT_OPTION_INVALID', { option, problem: problemOf(error) }, { cause: error })
  }
}

/** An event is made at once and cannot wait; a promise taken for a user would be an actor that nobody is. */
function settled<T>(value: T): T {
  if (!(value instanceof Promise)) return value
  value.catch(() => undefined)
  throw new TypeError('it returned a promise')
}
