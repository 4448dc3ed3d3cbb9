/** typeorm-audit-logger/koa: the context of requests to Koa. */

import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { contextNode, runInContext } from '../context'
import type { HttpAdapter } from '../http/adapter'
import { HttpContexts } from '../http/contexts'
import { bindEmitter } from '../http/emitters'
import type { RequestContextOptions } from '../http/options'

export type { MonitorOptions, SuspiciousRule } from '../../monitor/options'
export type { TrustProxy } from '../http/client-ip'
export type { RequestContextOptions, SessionOptions } from '../http/options'

/** What is used of Koa's context. A function of the options may name Koa's own type instead. */
export interface KoaContext {
  req: IncomingMessage
  res: ServerResponse
  originalUrl?: string
  state?: { user?: unknown }
  query?: unknown
  request?: object
  body?: unknown
  sessionId?: unknown
  /** The pattern that @koa/router has matched. */
  _matchedRoute?: unknown
  onerror(error: Error): void
}

export type KoaContextOptions = RequestContextOptions<KoaContext>

const adapter: HttpAdapter<KoaContext> = {
  incoming: ({ req }) => req,
  url: ({ originalUrl, req }) => originalUrl ?? req.url,
  route: ({ _matchedRoute }) => (_matchedRoute === undefined ? undefined : String(_matchedRoute)),
  user: ({ state, req }) => state?.user ?? (req as { user?: unknown }).user,
  query: ({ query }) => query,
  body: ({ request }) => (request as { body?: unknown } | undefined)?.body,
  sessionId: ({ sessionId }) => sessionId,
}

/**
 * The middleware that gives every request its context. Use it first: all that comes after it is inside.
 *
 * @throws AuditError naming the option that is not usable
 * @example
 * app.use(auditContext())
 */
export function auditContext(options: KoaContextOptions = {}) {
  const contexts = new HttpContexts(adapter, options)
  return async (context: KoaContext, next: () => Promise<unknown>): Promise<void> => {
    const { res } = context
    await contexts.run(context, res, async () => {
      keepHeaderOnError(context, contexts.header)
      await contexts.watch(context, next)
      keepStreamInside(context.body)
    })
  }
}

/** Koa sends the body when all middleware has ended, and reads a stream from outside of what they ran in. */
function keepStreamInside(body: unknown): void {
  const stream = body as (EventEmitter & { pipe?: unknown }) | null | undefined
  const node = contextNode()
  if (node === undefined || typeof stream?.pipe !== 'function' || typeof stream.emit !== 'function') return
  const { pipe } = stream
  stream.pipe = (...given: unknown[]) => runInContext(node, () => pipe.apply(stream, given))
  bindEmitter(stream, node)
}

/** Koa takes all headers off the response before it answers with an error, the request id among them. */
function keepHeaderOnError(context: KoaContext, header: string | undefined): void {
  const { onerror, res } = context
  const id = header === undefined ? undefined : res.getHeader(header)
  if (header === undefined || id === undefined) return
  context.onerror = (error: Error) => {
    const { writeHead } = res
    if (!res.headersSent) {
      res.writeHead = ((...given: Parameters<typeof writeHead>) => {
        res.setHeader(header, id)
        return writeHead.apply(res, given)
      }) as typeof writeHead
    }
    onerror.call(context, error)
  }
}
