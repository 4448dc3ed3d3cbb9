/** typeorm-audit-logger/express: the context of requests to Express 5 or 4. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { type HttpAdapter, type UsualRequest, usualAdapter } from '../http/adapter'
import { HttpContexts, requestFailed } from '../http/contexts'
import type { RequestContextOptions } from '../http/options'
import { matchedRoute, watchRoutes } from './express-route'

export type { MonitorOptions, SuspiciousRule } from '../../monitor/options'
export type { TrustProxy } from '../http/client-ip'
export type { RequestContextOptions, SessionOptions } from '../http/options'

/** What is used of Express' request. A function of the options may name Express' own type instead. */
export interface ExpressRequest extends UsualRequest {
  params?: unknown
  app?: object
}

export type ExpressContextOptions = RequestContextOptions<ExpressRequest>

const adapter: HttpAdapter<ExpressRequest> = {
  ...usualAdapter,
  route: matchedRoute,
  query: ({ query }) => query,
}

/**
 * The middleware that gives every request its context. Use it first, before what parses bodies and authenticates: all
 * that comes after it is inside.
 *
 * @throws AuditError naming the option that is not usable
 * @example
 * app.use(auditContext())
 */
export function auditContext(options: ExpressContextOptions = {}) {
  const contexts = new HttpContexts(adapter, options)
  return (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void => {
    const { app } = request as { app?: { request?: object } }
    if (app?.request !== undefined) watchRoutes(app.request)
    contexts.run(request, response, next)
  }
}

/**
 * An error-handling middleware that tells the security monitoring which error a request ended with, and passes it on.
 * Use it after all routes, before error handlers of your own.
 *
 * @example
 * app.use(auditErrors())
 */
export function auditErrors() {
  return (
    error: unknown,
    request: IncomingMessage,
    _response: ServerResponse,
    next: (error?: unknown) => void,
  ): void => {
    requestFailed(request, error)
    next(error)
  }
}
