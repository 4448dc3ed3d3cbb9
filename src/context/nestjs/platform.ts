import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpAdapterHost } from '@nestjs/core'
import type { AuditLogger } from '../../audit-logger'
import { auditContext as expressContext } from '../adapters/express'
import { type FastifyLike, type FastifyRequestLike, auditContext as fastifyContext } from '../adapters/fastify'
import type { RequestContextOptions } from '../http/options'
import type { NestContextOptions } from './options'

const installed = new WeakSet<object>()

/**
 * Gives every request of the application its context, once. Directly and not as a middleware of NestJS: those run behind
 * what `main.ts` uses on Express, and see only the request of `node:http` on Fastify, where guards do not put the user.
 *
 * @throws AuditError naming the option that is not usable
 */
export function installContext({ httpAdapter }: HttpAdapterHost, given: NestContextOptions, audit: AuditLogger): void {
  // None in an application context without HTTP; one without a type while a testing module compiles.
  const platform = httpAdapter?.getType?.()
  if ((platform !== 'express' && platform !== 'fastify') || installed.has(httpAdapter)) return
  installed.add(httpAdapter)
  const options = { ...given, audit }
  if (platform === 'express') {
    const app = httpAdapter.getInstance<{ use(middleware: unknown): unknown }>()
    app.use(expressContext(options as RequestContextOptions<never>))
    return
  }
  const user = (options.user as ((request: FastifyRequestLike) => unknown) | undefined) ?? eitherUser
  installInFastify(httpAdapter.getInstance(), { ...(options as RequestContextOptions<never>), user })
}

type OnRequest = (request: FastifyRequestLike, reply: Reply, done: () => void) => void
interface Reply {
  raw: ServerResponse
  header(name: string, value: string): unknown
  hijack(): unknown
}
interface NestFastify extends FastifyLike {
  /** Of middie, which an application may do without. */
  use?(middleware: (request: IncomingMessage, response: ServerResponse, next: () => void) => void): unknown
}

/** As the plugin does it, and once more before: the middleware of NestJS comes before any hook that can be added here. */
function installInFastify(fastify: NestFastify, options: RequestContextOptions<FastifyRequestLike>): void {
  const known = new WeakMap<IncomingMessage, FastifyRequestLike>()
  const inMiddleware = (run: OnRequest) => (raw: IncomingMessage, response: ServerResponse, next: () => void) => {
    // Middleware may answer by itself, with the response of node:http alone.
    const reply = { raw: response, header: response.setHeader.bind(response), hijack: () => undefined }
    run(untilKnown(raw, known), reply, next)
  }
  const plugin = {
    addHook(name: string, hook: OnRequest): void {
      if (name !== 'onRequest') {
        fastify.addHook(name as 'onRequest', hook as never)
        return
      }
      fastify.use?.(inMiddleware(hook))
      fastify.addHook(name, (request, reply, done) => {
        known.set(request.raw, request)
        hook(request, reply, done)
      })
    },
  }
  fastifyContext(plugin as FastifyLike, options, raise)
}

/** Fastify's request, which middleware is not given; until it is known, the request of `node:http` in its place. */
function untilKnown(raw: IncomingMessage, known: WeakMap<IncomingMessage, FastifyRequestLike>): FastifyRequestLike {
  return new Proxy(raw, {
    get: (_target, name) => {
      if (name === 'raw') return raw
      const request = known.get(raw) ?? raw
      const value: unknown = Reflect.get(request, name)
      return typeof value === 'function' ? value.bind(request) : value
    },
    has: (_target, name) => name === 'raw' || name in (known.get(raw) ?? raw),
  }) as unknown as FastifyRequestLike
}

/** Guards set it on Fastify's request, middleware of NestJS on the one of `node:http`. */
function eitherUser({ user, raw }: FastifyRequestLike): unknown {
  return user ?? (raw as { user?: unknown }).user
}

function raise(error?: Error): void {
  if (error !== undefined) throw error
}
