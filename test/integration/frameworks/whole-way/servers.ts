import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import Router from '@koa/router'
import type { ExecutionContext } from '@nestjs/common'
import express from 'express'
import Fastify from 'fastify'
import Koa from 'koa'
import type { DataSource, DataSourceOptions } from 'typeorm'
import { AuditLogger, type AuditLoggerOptions } from '../../../../src'
import { auditContext as expressContext } from '../../../../src/context/adapters/express'
import { auditContext as fastifyContext } from '../../../../src/context/adapters/fastify'
import { withAuditContext } from '../../../../src/context/adapters/http'
import { auditContext as koaContext } from '../../../../src/context/adapters/koa'
import { ROOT } from '../../../support/spawn-process'
import { loadNest, type Platform } from '../nest-app'
import { Shop } from './shop'
import { traceRequests } from './tracing'

/** What every server of the test is given. */
export interface Stage {
  name: string
  dataSource: DataSource
  database: DataSourceOptions
  settings: AuditLoggerOptions
  redisUrl: string
}

export interface Running {
  url: string
  /** Ends requests and jobs, then pushes what is left. */
  stop(): Promise<void>
}

type Start = (stage: Stage) => Promise<Running>

/** Each begins with its one line of set-up, authenticates later, and takes `POST /orders/:kind` with a JSON body. */
export const SERVERS: Readonly<Record<string, Start>> = {
  'node:http': startHttp,
  'Express 5': (stage) => startExpress(stage, express),
  'Express 4': (stage) =>
    startExpress(stage, createRequire(join(ROOT, 'test/packages/previous/package.json'))('express') as typeof express),
  Fastify: startFastify,
  Koa: startKoa,
  'NestJS 12 on Express': (stage) => startNest(stage, 12, 'express'),
  'NestJS 12 on Fastify': (stage) => startNest(stage, 12, 'fastify'),
  'NestJS 11 on Express': (stage) => startNest(stage, 11, 'express'),
  'NestJS 11 on Fastify': (stage) => startNest(stage, 11, 'fastify'),
}

/** The logger and the application of a server that does not bring its own. */
function parts({ name, dataSource, settings, redisUrl }: Stage): { audit: AuditLogger; shop: Shop } {
  const audit = new AuditLogger(settings).attach(dataSource)
  return { audit, shop: new Shop(name, dataSource, audit, redisUrl) }
}

async function startHttp(stage: Stage): Promise<Running> {
  const { audit, shop } = parts(stage)
  const handle = async (request: IncomingMessage & { user?: unknown }, response: ServerResponse) => {
    request.user = await shop.userOf(request.headers['x-user'])
    const { number } = JSON.parse(await text(request)) as { number: string }
    await shop.order(number)
    response.end('{}')
  }
  const server = createServer(withAuditContext(handle, { audit, route: () => '/orders/:kind' }))
  return listening(server, shop, audit)
}

async function startExpress(stage: Stage, framework: typeof express): Promise<Running> {
  const { audit, shop } = parts(stage)
  const app = framework()
  app.use(expressContext({ audit }))
  app.use(framework.json())
  app.use((request, _response, next) => {
    shop.userOf(request.headers['x-user']).then((user) => {
      Object.assign(request, { user })
      next()
    }, next)
  })
  app.post('/orders/:kind', (request, response, next) => {
    shop.order((request.body as { number: string }).number).then(() => response.json({}), next)
  })
  return listening(createServer(app), shop, audit)
}

async function startFastify(stage: Stage): Promise<Running> {
  const { audit, shop } = parts(stage)
  const app = Fastify()
  await app.register(fastifyContext as never, { audit } as never)
  app.addHook('preHandler', async (request) => {
    Object.assign(request, { user: await shop.userOf(request.headers['x-user']) })
  })
  app.post('/orders/:kind', async (request) => {
    await shop.order((request.body as { number: string }).number)
    return {}
  })
  await app.ready()
  return listening(app.server, shop, audit, () => app.close())
}

async function startKoa(stage: Stage): Promise<Running> {
  const { audit, shop } = parts(stage)
  const app = new Koa()
  const router = new Router()
  app.use(koaContext({ audit }) as never)
  app.use(async (context, next) => {
    context.state.user = await shop.userOf(context.get('x-user'))
    await next()
  })
  router.post('/orders/:kind', async (context) => {
    const { number } = JSON.parse(await text(context.req)) as { number: string }
    await shop.order(number)
    context.body = {}
  })
  app.use(router.routes())
  return listening(createServer(app.callback()), shop, audit)
}

async function startNest(stage: Stage, version: 11 | 12, platform: Platform): Promise<Running> {
  const nest = await loadNest(version)
  const { Body, Controller, Inject, Module, Post, UseGuards } = nest.common
  const { TypeOrmModule, getDataSourceToken } = nest.typeorm
  const SHOP = Symbol('shop')

  class AuthGuard {
    constructor(@Inject(SHOP) private readonly shop: Shop) {}

    async canActivate(context: ExecutionContext): Promise<boolean> {
      const request = context.switchToHttp().getRequest<{ headers: Record<string, string>; user?: unknown }>()
      request.user = await this.shop.userOf(request.headers['x-user'])
      return true
    }
  }

  @Controller('orders')
  @UseGuards(AuthGuard)
  class OrdersController {
    constructor(@Inject(SHOP) private readonly shop: Shop) {}

    @Post(':kind')
    async order(@Body() body: { number: string }): Promise<object> {
      await this.shop.order(body.number)
      return {}
    }
  }

  const shopOf = (dataSource: DataSource, audit: AuditLogger) => new Shop(stage.name, dataSource, audit, stage.redisUrl)
  @Module({
    imports: [nest.AuditModule.forRoot(stage.settings), TypeOrmModule.forRoot(stage.database)],
    controllers: [OrdersController],
    providers: [{ provide: SHOP, inject: [getDataSourceToken(), nest.AuditLogger], useFactory: shopOf }],
  })
  class AppModule {}

  const app = await nest.create(AppModule, platform)
  traceRequests(app.getHttpServer() as Server)
  await app.listen(0, '127.0.0.1')
  return {
    url: urlOf(app.getHttpServer() as Server),
    stop: async () => {
      await app.get<Shop>(SHOP).close()
      await app.close()
    },
  }
}

async function listening(server: Server, shop: Shop, audit: AuditLogger, end?: () => Promise<void>): Promise<Running> {
  traceRequests(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = async () => {
    server.closeAllConnections()
    await (end?.() ?? new Promise<void>((resolve) => server.close(() => resolve())))
    await shop.close()
    await audit.close()
  }
  return { url: urlOf(server), stop }
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
