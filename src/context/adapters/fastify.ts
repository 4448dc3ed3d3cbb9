/** typeorm-audit-logger/fastify: the context of requests to Fastify 5. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { runInContext } from '../context'
import type { HttpAdapter } from '../http/adapter'
import { HttpContexts, requestFailed } from '../http/contexts'
import type { RequestContextOptions } from '../http/options'

export type { MonitorOptions, SuspiciousRule } from '../../monitor/options'
export type { TrustProxy } from '../http/client-ip'
export type { RequestContextOptions, SessionOptions } from '../http/options'

/** What is used of Fastify's request. A function of the options may name Fastify's own type instead. */
export interface FastifyRequestLike {
  raw: IncomingMessage
  originalUrl?: string
  routeOptions?: { url?: string | undefined }
  user?: unknown
  query?: unknown
  body?: unknown
  session?: unknown
}

const KEEPS: unique symbol = Symbol('the header that a hijacked reply keeps')

interface FastifyReplyLike {
  raw: ServerResponse
  header(name: string, value: string): unknown
  getHeader(name: string): unknown
  hijack(): unknown
  [KEEPS]?: string
}

/** What is used of a Fastify instance. */
export interface FastifyLike {
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void) => void,
  ): unknown
  addHook(
    name: 'onError',
    hook: (request: FastifyRequestLike, reply: FastifyReplyLike, error: Error, done: () => void) => void,
  ): unknown
}

export type FastifyContextOptions = RequestContextOptions<FastifyRequestLike>

const adapter: HttpAdapter<FastifyRequestLike> = {
  incoming: ({ raw }) => raw,
  url: ({ raw }) => (raw as { originalUrl?: string }).originalUrl ?? raw.url,
  route: ({ routeOptions }) => routeOptions?.url,
  user: ({ user }) => user,
  query: ({ query }) => query,
  body: ({ body }) => body,
  sessionId: ({ session }) => (session as { sessionId?: unknown } | null | undefined)?.sessionId,
}

/**
 * The plugin that gives every request its context. Register it first: all hooks that come after it, the handler,
 * `onError` and `onResponse` are inside.
 *
 * @throws AuditError naming the option that is not usable (from `ready()` or `listen()`)
 * @example
 * app.register(auditContext, { trustProxy: 'loopback' })
 */
export function auditContext(
  fastify: FastifyLike,
  options: FastifyContextOptions,
  done: (error?: Error) => void,
): void {
  let contexts: HttpContexts<FastifyRequestLike>
  try {
    contexts = new HttpContexts(adapter, options)
  } catch (error) {
    // Thrown, it would be an exception of the process and not of ready().
    done(error as Error)
    return
  }
  const { header } = contexts
  fastify.addHook('onRequest', (request, reply, next) => {
    const context = contexts.open(request, reply.raw)
    if (context === undefined) return next()
    if (header !== undefined) setHeader(reply, header, context.id)
    runInContext(context, next)
  })
  if (contexts.monitors) {
    fastify.addHook('onError', (request, _reply, error, next) => {
      requestFailed(request.raw, error)
      next()
    })
  }
  done()
}

/** By the reply, which is much cheaper than by the response; a hijacked reply sends none of its own headers. */
function setHeader(reply: FastifyReplyLike, header: string, id: string): void {
  reply.header(header, id)
  const replies = Object.getPrototypeOf(reply) as FastifyReplyLike
  // One that is made by hand, which is none of Fastify's, inherits from what every object does.
  if (reply[KEEPS] !== header && replies !== Object.prototype) keepWhenHijacked(replies, header)
}

/** Once for all replies of an instance. */
function keepWhenHijacked(replies: FastifyReplyLike, header: string): void {
  const { hijack } = replies
  replies[KEEPS] = header
  replies.hijack = function hijackWithId(this: FastifyReplyLike) {
    const id = this.getHeader(header)
    if (typeof id === 'string' && !this.raw.headersSent) this.raw.setHeader(header, id)
    return hijack.call(this)
  }
}

// What fastify-plugin sets, which is its interface to Fastify: the hooks then hold for the whole application and not
// for this plugin alone. By hand, because it is three properties and would be a dependency of every application.
Object.assign(auditContext, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'typeorm-audit-logger',
  [Symbol.for('plugin-meta')]: { name: 'typeorm-audit-logger', fastify: '>=4' },
})
