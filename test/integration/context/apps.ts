import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import Router from '@koa/router'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import type { AuditLogger } from '../../../src/audit-logger'
import { auditErrors, auditContext as forExpress } from '../../../src/context/adapters/express'
import { auditContext as forFastify } from '../../../src/context/adapters/fastify'
import { withAuditContext } from '../../../src/context/adapters/http'
import { auditContext as forKoa } from '../../../src/context/adapters/koa'
import type { UsualRequest } from '../../../src/context/http/adapter'
import type { RequestContextOptions } from '../../../src/context/http/options'
import { ROOT } from '../../support/spawn-process'

/** The options that are the same for every framework. */
export type CommonOptions = Omit<RequestContextOptions<unknown>, 'route'>

export interface RunningApp {
  readonly url: string
  readonly port: number
  stop(): Promise<void>
}

/**
 * The same application in each framework: the context first, then an authentication that takes a moment and sets the
 * user where the framework keeps it, then
 *
 * - `GET /invoices/:id` and, below a mounted router, `GET /shop/orders/:id` record VISITED
 * - `POST /bodies` parses JSON and records POSTED
 * - `GET /stream` sends three pieces, and records STREAMED at the end of them
 * - `GET /boom/:id`, mounted as well, throws; the error handler records FAILED
 * - `GET /status/:code` answers with that status
 */
export type StartApp = (audit: AuditLogger, options: CommonOptions) => Promise<RunningApp>

const previous = createRequire(join(ROOT, 'test/packages/previous/package.json'))

export const APPS: readonly [name: string, start: StartApp][] = [
  ['Express 5', (audit, options) => expressApp(express, audit, options)],
  ['Express 4', (audit, options) => expressApp(previous('express') as typeof express, audit, options)],
  ['Fastify 5', fastifyApp],
  ['Koa 3', koaApp],
  ['node:http', httpApp],
]

export async function listen(listener: RequestListener): Promise<RunningApp> {
  const server: Server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    stop: () => {
      server.closeAllConnections()
      return new Promise((resolve, reject) => server.close((error) => (error ? reject(error) : resolve())))
    },
  }
}

/** Whoever the header names, after as long as a look-up would take, or as `x-wait` says. */
async function authenticate(request: IncomingMessage): Promise<{ id: string; organisation: string } | undefined> {
  await delay(Number(request.headers['x-wait'] ?? 1))
  const id = request.headers['x-user']
  return typeof id === 'string' ? { id, organisation: `org-${id}` } : undefined
}

function pieces(): Readable {
  return Readable.from(['a', 'b', 'c'])
}

function expressApp(module: typeof express, audit: AuditLogger, options: CommonOptions): Promise<RunningApp> {
  const app = module()
  // Not 'test': Express itself would keep quiet about errors, and not otherwise behave differently.
  app.set('env', 'test')
  app.use(forExpress(options))
  app.use(module.json())
  app.use(async (request: UsualRequest, _response: unknown, next: () => void) => {
    request.user = await authenticate(request)
    next()
  })
  app.get('/invoices/:id', (_request, response) => {
    audit.sendLog('VISITED')
    response.send('ok')
  })
  app.post('/bodies', (_request, response) => {
    audit.sendLog('POSTED')
    response.send('ok')
  })
  app.get('/stream', (_request, response) => {
    const stream = pieces()
    stream.on('end', () => audit.sendLog('STREAMED'))
    stream.pipe(response)
  })
  app.get('/status/:code', (request, response) => void response.status(Number(request.params.code)).send('as asked'))
  const shop = module.Router()
  shop.get('/orders/:id', (_request, response) => {
    audit.sendLog('VISITED')
    response.send('ok')
  })
  shop.get('/boom/:id', (_request, _response, next) => next(new Error('boom')))
  app.use('/shop', shop)
  app.use(auditErrors())
  app.use((error: Error, _request: unknown, _response: unknown, next: (error: Error) => void) => {
    audit.sendLog('FAILED')
    next(error)
  })
  return listen(app)
}

async function fastifyApp(audit: AuditLogger, options: CommonOptions): Promise<RunningApp> {
  const app = fastify({ forceCloseConnections: true })
  app.register(forFastify, options)
  app.decorateRequest('user', undefined)
  app.addHook('onRequest', async (request) => {
    Object.assign(request, { user: await authenticate(request.raw) })
  })
  app.addHook('onError', async () => audit.sendLog('FAILED'))
  app.get('/invoices/:id', async () => {
    audit.sendLog('VISITED')
    return 'ok'
  })
  app.post('/bodies', async () => {
    audit.sendLog('POSTED')
    return 'ok'
  })
  app.get('/stream', (_request, reply) => {
    const stream = pieces()
    stream.on('end', () => audit.sendLog('STREAMED'))
    return reply.send(stream)
  })
  app.get<{ Params: { code: string } }>('/status/:code', (request, reply) =>
    reply.status(Number(request.params.code)).send('as asked'),
  )
  app.register(
    async (shop) => {
      shop.get('/orders/:id', async () => {
        audit.sendLog('VISITED')
        return 'ok'
      })
      shop.get('/boom/:id', async () => {
        throw new Error('boom')
      })
    },
    { prefix: '/shop' },
  )
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return { port, url: `http://127.0.0.1:${port}`, stop: () => app.close() }
}

async function koaApp(audit: AuditLogger, options: CommonOptions): Promise<RunningApp> {
  const app = new Koa()
  app.silent = true
  app.use(forKoa(options))
  app.use(async (_context, next) => {
    try {
      await next()
    } catch (error) {
      audit.sendLog('FAILED')
      throw error
    }
  })
  app.use(async (context, next) => {
    context.state.user = await authenticate(context.req)
    await next()
  })
  app.use(async (context, next) => {
    if (context.method === 'POST') Object.assign(context.request, { body: await parsed(context.req) })
    await next()
  })
  const routes = new Router()
  routes.get('/invoices/:id', (context) => {
    audit.sendLog('VISITED')
    context.body = 'ok'
  })
  routes.post('/bodies', (context) => {
    audit.sendLog('POSTED')
    context.body = 'ok'
  })
  routes.get('/stream', (context) => {
    const stream = pieces()
    stream.on('end', () => audit.sendLog('STREAMED'))
    context.body = stream
  })
  routes.get('/status/:code', (context) => {
    context.status = Number(context.params.code)
    context.body = 'as asked'
  })
  const shop = new Router({ prefix: '/shop' })
  shop.get('/orders/:id', (context) => {
    audit.sendLog('VISITED')
    context.body = 'ok'
  })
  shop.get('/boom/:id', () => {
    throw new Error('boom')
  })
  app.use(routes.routes()).use(shop.routes())
  return listen(app.callback())
}

/** A router as one writes it by hand; its patterns go to the context by the option `route`. */
async function httpApp(audit: AuditLogger, options: CommonOptions): Promise<RunningApp> {
  const routes = new WeakMap<object, string>()
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    Object.assign(request, { user: await authenticate(request) })
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const pattern = pathname.replace(/(?<=\/(invoices|orders|boom)\/)[^/]+$/, ':id')
    routes.set(request, pattern)
    if (pathname.startsWith('/shop/boom')) {
      audit.sendLog('FAILED')
      response.statusCode = 500
      response.end('boom')
      throw new Error('boom')
    }
    if (pathname === '/stream') {
      const stream = pieces()
      stream.on('end', () => audit.sendLog('STREAMED'))
      stream.pipe(response)
      return
    }
    if (pathname.startsWith('/status/')) response.statusCode = Number(pathname.slice('/status/'.length))
    else if (request.method === 'POST') {
      Object.assign(request, { body: await parsed(request) })
      audit.sendLog('POSTED')
    } else audit.sendLog('VISITED')
    response.end('ok')
  }
  const all = { ...options, route: (request: object) => routes.get(request) }
  const listener = withAuditContext(handle, all)
  return listen((request, response) => void listener(request, response).catch(() => undefined))
}

/** With listeners, as body parsers of old do, and not with `for await`, which keeps a context of its own accord. */
function parsed(request: IncomingMessage): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let text = ''
    request.on('data', (piece: Buffer) => {
      text += piece.toString()
    })
    request.on('end', () => resolve(JSON.parse(text)))
    request.on('error', reject)
  })
}
