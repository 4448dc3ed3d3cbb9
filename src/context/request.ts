import type { AuditError } from '../../config/errors'
import { copyOwn } from '../event/copy-own'
import { put as putOwn } from '../event/put'

/**
 * What an event tells of a request: the fields as the event names them, `userAgent` and `ip` (which goes to `user.ip`),
 * and any more in a plain object. The request object of Express, Fastify or node:http may be given as it is: of those
 * only the known fields are taken, never headers, cookies or body.
 */
export interface RequestInput {
  id?: unknown
  method?: unknown
  url?: unknown
  route?: unknown
  ip?: unknown
  [field: string]: unknown
}

export interface RequestParts {
  request: Record<string, unknown> | undefined
  ip: string | undefined
  /** What could not be read, one error each: the event says so. */
  problems?: readonly AuditError[]
}

/** By a registered name, so that two copies of this package understand each other. */
export const describeRequest: unique symbol = Symbol.for('typeorm-audit-logger.describe-request.v1') as never

/** A request that knows itself what events tell of it. */
export interface DescribedRequest {
  [describeRequest](): RequestParts
}

/** Taken by name above, or never taken: what a client sends beyond the address is too often secret. */
const KNOWN = new Set(
  'id method url originalUrl route routeOptions userAgent user_agent ip headers rawHeaders cookies body'.split(' '),
)

/** Takes from a request what the event tells of it. Values are still raw: the recorder masks and cleans them. */
export function requestParts(input: RequestInput | undefined): RequestParts {
  if (typeof input !== 'object' || input === null) return { request: undefined, ip: undefined }
  const describe = (input as Partial<DescribedRequest>)[describeRequest]
  if (typeof describe === 'function') return describe.call(input)
  const request: Record<string, unknown> = {}
  put(request, 'id', text(input.id))
  put(request, 'method', text(input.method))
  // Express rewrites `url` below a mounted router; `originalUrl` is what the client asked for.
  put(request, 'url', text(input.originalUrl) ?? text(input.url))
  put(request, 'route', routeOf(input))
  put(request, 'user_agent', text(input.user_agent) ?? text(input.userAgent) ?? text(header(input, 'user-agent')))
  if (isPlain(input)) for (const [key, value] of Object.entries(copyOwn(input, KNOWN))) put(request, key, value)
  return { request: Object.keys(request).length === 0 ? undefined : request, ip: text(input.ip) }
}

/** A request for the application's own use: of one that describes itself, its fields in an object of their own. */
export function shownRequest(input: RequestInput): RequestInput {
  if (typeof (input as Partial<DescribedRequest>)[describeRequest] !== 'function') return input
  const { request, ip } = requestParts(input)
  return { ...request, ...(ip !== undefined && { ip }) }
}

function routeOf({ route, routeOptions }: RequestInput): string | undefined {
  return text(route) ?? text(member(route, 'path')) ?? text(member(routeOptions, 'url'))
}

function header({ headers }: RequestInput, name: string): unknown {
  return headers instanceof Headers ? (headers.get(name) ?? undefined) : member(headers, name)
}

function member(holder: unknown, name: string): unknown {
  return typeof holder === 'object' && holder !== null ? (holder as Record<string, unknown>)[name] : undefined
}

function text(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  if (value instanceof URL) return value.href
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined
}

function put(request: Record<string, unknown>, key: string, value: unknown): void {
  if (value !== undefined) putOwn(request, key, value)
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
