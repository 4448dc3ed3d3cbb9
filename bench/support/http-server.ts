import { AsyncLocalStorage } from 'node:async_hooks'
import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { auditContext as forExpress } from '../../src/context/adapters/express'
import { auditContext as forFastify } from '../../src/context/adapters/fastify'
import { withAuditContext } from '../../src/context/adapters/http'
import { auditContext as forKoa } from '../../src/context/adapters/koa'
import { END } from './load'

const STARTS = { Fastify: fastifyServer, Express: expressServer, Koa: koaServer, 'node:http': httpServer }

export type Framework = keyof typeof STARTS
export const FRAMEWORKS = Object.keys(STARTS) as Framework[]

/** `bare`: only what no context can do without, AsyncLocalStorage and an id that is returned; for Fastify alone. */
export type Mode = 'plain' | 'bare' | 'audited'

export interface HttpServer {
  readonly port: number
  /** Microseconds of CPU time that the process has used so far. */
  cpu(): Promise<number>
  stop(): void
}

/** A server with an empty handler in a process of its own: what one of them loads or switches on costs no other. */
export async function startHttpServer(framework: Framework, mode: Mode): Promise<HttpServer> {
  const child = fork(__filename, [framework, mode], { stdio: 'inherit' })
  const next = () => new Promise<number>((resolve) => child.once('message', (value) => resolve(Number(value))))
  const port = await next()
  return {
    port,
    cpu() {
      const answer = next()
      child.send('cpu')
      return answer
    },
    stop: () => void child.kill(),
  }
}

async function fastifyServer(mode: Mode): Promise<Server> {
  const app = fastify()
  if (mode === 'audited') app.register(forFastify, {})
  if (mode === 'bare') {
    const storage = new AsyncLocalStorage<object>()
    app.addHook('onRequest', (_request, reply, next) => {
      const id = randomUUID()
      reply.header('x-request-id', id)
      storage.run({ id }, next)
    })
  }
  app.get('/invoices/:id', (_request, reply) => reply.send(END))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app.server
}

function expressServer(mode: Mode): Promise<Server> {
  const app = express()
  if (mode === 'audited') app.use(forExpress())
  app.get('/invoices/:id', (_request, response) => void response.send(END))
  return listening(app)
}

function koaServer(mode: Mode): Promise<Server> {
  const app = new Koa()
  if (mode === 'audited') app.use(forKoa())
  app.use((context) => {
    context.body = END
  })
  return listening(app.callback())
}

function httpServer(mode: Mode): Promise<Server> {
  const handler: RequestListener = (_request, response) => {
    response.end(END)
  }
  return listening(mode === 'audited' ? withAuditContext(handler) : handler)
}

function listening(listener: RequestListener): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer(listener).listen(0, '127.0.0.1', () => resolve(server))
  })
}

async function main(): Promise<void> {
  const [framework, mode] = process.argv.slice(2)
  const server = await STARTS[framework as Framework](mode as Mode)
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.(user + system)
  })
  process.send?.((server.address() as AddressInfo).port)
}

if (require.main === module) void main()
