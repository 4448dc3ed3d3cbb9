import type { IncomingMessage } from 'node:http'
import type { AuditContext, ContextNode } from '../context'
import { type DescribedRequest, describeRequest, type RequestInput, type RequestParts } from '../request'
import type { RequestReader, SeenRequest } from './reader'

/** What most requests never need, because they make no event. */
interface Late {
  set?: AuditContext
  ip?: { value: string | undefined }
  organisation?: { user: unknown; value: Promise<unknown> }
}

/**
 * The context of one request: what is given, the request that events tell of, and the node that the storage keeps, in
 * one object, because every request pays for what is made here. For the same reason nothing is worked out before an
 * event asks for it, but for what would be gone or changed by then.
 */
export class RequestContext<R> implements ContextNode, AuditContext, SeenRequest<R>, DescribedRequest {
  readonly entryPoint = 'http'
  readonly outer: ContextNode | undefined
  readonly loading = false
  readonly id: string
  readonly method: string | undefined
  readonly url: string | undefined
  /** The framework's request. */
  readonly original: R
  readonly incoming: IncomingMessage
  /** The other end of the connection; a closed socket does not tell any more. */
  readonly peer: string | undefined
  /** As `performance.now()` gave it; 0 where nothing asks how long it takes. */
  started = 0
  /** What the handler of the request threw and did not catch. */
  failure: { error: unknown } | undefined = undefined
  readonly #reader: RequestReader<R>
  #late: Late | undefined = undefined

  constructor(
    reader: RequestReader<R>,
    original: R,
    incoming: IncomingMessage,
    id: string,
    outer: ContextNode | undefined,
  ) {
    this.outer = outer
    this.id = id
    this.method = incoming.method
    this.url = reader.url(original)
    this.original = original
    this.incoming = incoming
    this.peer = incoming.socket.remoteAddress
    this.#reader = reader
  }

  get given(): AuditContext {
    return this
  }

  get set(): AuditContext {
    const late = this.#lateParts()
    late.set ??= {}
    return late.set
  }

  get scope(): object {
    return this.outer?.scope ?? this
  }

  extraNow(): Readonly<Record<string, unknown>> | undefined {
    return this.#reader.extra(this.original)
  }

  get user(): unknown {
    return this.#reader.user(this.original)
  }

  get impersonator(): unknown {
    return this.#reader.impersonator(this.original)
  }

  /** A promise is asked for once for each user, or every event of the request would start a query. */
  get organisation(): unknown {
    if (!this.#reader.tellsOrganisation) return undefined
    const late = this.#lateParts()
    const user = this.#userOrNone()
    if (late.organisation !== undefined && late.organisation.user === user) return late.organisation.value
    const value = this.#reader.organisation(this.original)
    if (value instanceof Promise) late.organisation = { user, value }
    return value
  }

  get request(): RequestInput {
    // A type with an index signature, which no class has: as an input it is asked for `describeRequest` alone.
    return this as SeenRequest<R> as RequestInput & SeenRequest<R>
  }

  get route(): string | undefined {
    return this.#reader.route(this.original)
  }

  get userAgent(): string | undefined {
    return this.incoming.headers['user-agent']
  }

  get ip(): string | undefined {
    const late = this.#lateParts()
    late.ip ??= { value: this.#reader.ip(this) }
    return late.ip.value
  }

  /** For the recorder: with what the allow-lists let through. */
  [describeRequest](): RequestParts {
    return this.#reader.parts(this)
  }

  #lateParts(): Late {
    this.#late ??= {}
    return this.#late
  }

  /** Only to tell one from another: that it cannot be read is said where it is asked for. */
  #userOrNone(): unknown {
    try {
      return this.user
    } catch {
      return undefined
    }
  }
}

/** The context of this request, if it is the running one or around it. */
export function openContext(
  node: ContextNode | undefined,
  incoming: IncomingMessage,
): RequestContext<unknown> | undefined {
  for (let current = node; current !== undefined; current = current.outer) {
    if (current instanceof RequestContext && current.incoming === incoming) return current
  }
  return undefined
}
