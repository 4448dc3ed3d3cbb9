/** typeorm-audit-logger/http: the context of requests to a server of plain `node:http`. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { type HttpAdapter, type UsualRequest, usualAdapter } from '../http/adapter'
import { HttpContexts } from '../http/contexts'
import type { RequestContextOptions } from '../http/options'
import { queryOf } from '../http/query'

export type { MonitorOptions, SuspiciousRule } from '../../monitor/options'
export type { TrustProxy } from '../http/client-ip'
export type { RequestContextOptions, SessionOptions } from '../http/options'

export type HttpRequest = UsualRequest
export type HttpContextOptions = RequestContextOptions<HttpRequest>
export type HttpHandler<Req, Res, T = unknown> = (request: Req, response: Res) => T

/** `node:http` routes nothing: the option `route` tells what matched. */
const adapter: HttpAdapter<HttpRequest> = {
  ...usualAdapter,
  route: () => undefined,
  query: ({ query, url }) => query ?? queryOf(url),
}

/**
 * A middleware of the form `(request, response, next)`, for a server of `node:http` and for frameworks that take such.
 *
 * @throws AuditError naming the option that is not usable
 * @example
 * const context = auditContext({ user: (request) => sessions.get(request)?.user })
 * createServer((request, response) => context(request, response, () => handle(request, response)))
 */
export function auditContext(options: HttpContextOptions = {}) {
  const contexts = new HttpContexts(adapter, options)
  return (request: IncomingMessage, response: ServerResponse, next: () => unknown): void => {
    contexts.run(request, response, next)
  }
}

/**
 * A request listener whose requests have a context. What it throws or rejects with passes through, and is told to the
 * security monitoring.
 *
 * @throws AuditError naming the option that is not usable
 * @example
 * createServer(withAuditContext(async (request, response) => { … }, { trustProxy: 'loopback' }))
 */
export function withAuditContext<Req extends IncomingMessage, Res extends ServerResponse, T>(
  handler: HttpHandler<Req, Res, T>,
  options: HttpContextOptions = {},
): HttpHandler<Req, Res, T> {
  const contexts = new HttpContexts(adapter, options)
  return (request, response) =>
    contexts.run(request, response, () => contexts.watch(request, () => handler(request, response)))
}
