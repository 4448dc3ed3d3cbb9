import type { AddressInfo } from 'node:net'
import type {
  DynamicModule,
  ExecutionContext,
  INestApplication,
  INestApplicationContext,
  MiddlewareConsumer,
  Type,
} from '@nestjs/common'
import { Redis } from 'ioredis'
import { Column, DataSource, Entity, PrimaryGeneratedColumn, type QueryRunner } from 'typeorm'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../../src/capture/decorator'
import type { AuditModuleOptions } from '../../../src/context/adapters/nestjs'
import type { AuditEvent } from '../../../src/event/event'
import { type RedisServer, startRedisServer } from '../../support/redis-server'
import { waitFor } from '../../support/wait-for'
import { loadNest, type Nest, type Platform } from './nest-app'

@Entity()
@AuditUpdateDelete
class Invoice {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'text' })
  number!: string
}

@Entity()
@AuditUpdateDelete
class Visit {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'text' })
  page!: string
}

class Fill1700000000000 {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`INSERT INTO invoice (number) VALUES ('M-1')`)
  }

  async down(): Promise<void> {}
}

/** Before any application has run. */
const OF_ALL_OBJECTS = Reflect.ownKeys(Object.prototype)

const USERS: Record<string, object> = {
  ada: { id: 1, username: 'ada', organisation: { id: 10, name: 'Acme Ltd' } },
  bob: { id: 2, username: 'bob', organisation: { id: 20, name: 'Globex' } },
}

interface RawRequest {
  headers: Record<string, string>
  user?: object | undefined
}

let server: RedisServer
let redis: Redis
let running: INestApplicationContext | undefined

beforeAll(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url)
})
afterAll(async () => {
  redis?.disconnect()
  await server?.stop()
})
beforeEach(() => redis.flushall())
afterEach(async () => {
  await running?.close()
  running = undefined
})

async function events(count: number): Promise<AuditEvent[]> {
  const lines = await waitFor(
    async () => {
      const found = await redis.lrange('{audit-logger}:pending', 0, -1)
      return found.length >= count && found
    },
    { what: `${count} events` },
  )
  return lines.map((line) => JSON.parse(line) as AuditEvent)
}

const settings = (): AuditModuleOptions => ({
  redis: server.url,
  userOrganisationField: 'organisation',
  lifecycleEvents: false,
})

/** An application whose guard finds the user, whose controller writes, and whose parts know nothing of auditing. */
function moduleOf(nest: Nest, auditModule: DynamicModule, extra: (DynamicModule | Type)[] = []): Type {
  const { Body, Controller, Get, Inject, Module, Param, Post, Req, UseGuards, NotFoundException } = nest.common
  const { TypeOrmModule, getDataSourceToken } = nest.typeorm
  const { AuditLogger } = nest

  class AuthGuard {
    async canActivate(context: ExecutionContext): Promise<boolean> {
      const request = context.switchToHttp().getRequest<{ headers: Record<string, string>; user?: unknown }>()
      await new Promise((resolve) => setImmediate(resolve))
      request.user = USERS[request.headers.authorization ?? '']
      return request.user !== undefined
    }
  }

  @Controller('invoices')
  @UseGuards(AuthGuard)
  class InvoicesController {
    constructor(
      @Inject(getDataSourceToken()) private readonly main: DataSource,
      @Inject(getDataSourceToken('second')) private readonly second: DataSource,
      @Inject(AuditLogger) private readonly audit: InstanceType<typeof AuditLogger>,
    ) {}

    @Post(':kind')
    async create(@Param('kind') kind: string, @Body() body: { number: string }): Promise<object> {
      const saved = await this.main.getRepository(Invoice).save({ number: `${kind} ${body.number}` })
      await this.second.getRepository(Visit).save({ page: kind })
      this.audit.sendLog('SEEN', { kind })
      return { number: saved.number }
    }

    @Get('missing')
    missing(@Req() _request: object): never {
      this.audit.sendLog('LOOKED')
      throw new NotFoundException('no such invoice')
    }
  }

  @Controller('open')
  class OpenController {
    constructor(@Inject(AuditLogger) private readonly audit: InstanceType<typeof AuditLogger>) {}

    @Get()
    open(): object {
      this.audit.sendLog('OPENED')
      return {}
    }

    @Get('broken')
    broken(): never {
      throw new RangeError('out of ink')
    }
  }

  const database = { type: 'sqljs', synchronize: true, retryAttempts: 0 } as const
  @Module({
    imports: [
      TypeOrmModule.forRoot({ ...database, entities: [Invoice], migrations: [Fill1700000000000] }),
      TypeOrmModule.forRoot({ ...database, name: 'second', entities: [Visit] }),
      ...(extra as DynamicModule[]),
      auditModule,
    ],
    controllers: [InvoicesController, OpenController],
  })
  class AppModule {
    constructor(@Inject(AuditLogger) private readonly audit: InstanceType<typeof AuditLogger>) {}

    configure(consumer: MiddlewareConsumer): void {
      const middleware = (request: RawRequest, _response: object, next: () => void): void => {
        if (request.headers['x-middleware'] !== undefined) this.audit.sendLog('PASSED')
        if (request.headers['x-user'] !== undefined) request.user = USERS[request.headers['x-user']]
        next()
      }
      consumer.apply(middleware).forRoutes(InvoicesController, OpenController)
    }
  }
  return AppModule
}

async function listen(nest: Nest, module: Type, platform: Platform): Promise<string> {
  const app: INestApplication = await nest.create(module, platform)
  running = app
  await app.listen(0, '127.0.0.1')
  return `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`
}

function post(url: string, user: string, id: string, number: string): Promise<Response> {
  const headers = { authorization: user, 'x-request-id': id, 'content-type': 'application/json' }
  return fetch(`${url}/invoices/paid?token=secret`, { method: 'POST', headers, body: JSON.stringify({ number }) })
}

describe.each([[12] as const, [11] as const])('NestJS %i', (version) => {
  let nest: Nest
  beforeAll(async () => {
    nest = await loadNest(version)
  })

  describe.each([['express'] as const, ['fastify'] as const])('on %s', (platform) => {
    it('says of every event who, from where and for whom, with the user that a guard has set late', async () => {
      const url = await listen(nest, moduleOf(nest, nest.AuditModule.forRoot(settings())), platform)
      const response = await post(url, 'ada', 'req-ada', 'A-1')
      expect([response.status, response.headers.get('x-request-id')]).toEqual([201, 'req-ada'])
      expect(await response.json()).toEqual({ number: 'paid A-1' })
      const all = await events(3)
      expect(all.map(({ action, instance }) => instance?.model ?? action)).toEqual(['Invoice', 'Visit', 'SEEN'])
      for (const event of all) {
        expect(event).toMatchObject({
          user: {
            pk: '1',
            type: 'user',
            username: 'ada',
            organisation: 'Acme Ltd',
            organisation_id: '10',
            ip: '127.0.0.1',
          },
          request: { id: 'req-ada', method: 'POST', route: '/invoices/:kind' },
          entry_point: 'http',
        })
        expect(event.request?.url).not.toContain('secret')
      }
    })

    it('has the middleware of NestJS inside too, before anybody is known', async () => {
      const url = await listen(nest, moduleOf(nest, nest.AuditModule.forRoot(settings())), platform)
      const headers = { authorization: 'ada', 'x-request-id': 'req-1', 'x-middleware': 'yes' }
      await fetch(`${url}/invoices/missing`, { headers })
      const [passed, looked] = await events(2)
      expect(passed).toMatchObject({
        action: 'PASSED',
        user: { type: 'anonymous', ip: '127.0.0.1' },
        request: { id: 'req-1', method: 'GET', url: '/invoices/missing' },
        entry_point: 'http',
      })
      expect(looked).toMatchObject({ action: 'LOOKED', user: { username: 'ada' }, request: { id: 'req-1' } })
      expect(looked?.request?.route).toBe('/invoices/missing')
    })

    it('adds nothing to the prototype of all objects', async () => {
      const url = await listen(nest, moduleOf(nest, nest.AuditModule.forRoot(settings())), platform)
      await fetch(`${url}/open`)
      await events(1)
      expect(Reflect.ownKeys(Object.prototype)).toEqual(OF_ALL_OBJECTS)
    })

    it('knows the user whom middleware of NestJS has set', async () => {
      const url = await listen(nest, moduleOf(nest, nest.AuditModule.forRoot(settings())), platform)
      await fetch(`${url}/open`, { headers: { 'x-user': 'bob' } })
      expect(await events(1)).toMatchObject([{ action: 'OPENED', user: { username: 'bob', organisation: 'Globex' } }])
    })

    it('keeps the requests of two users apart', async () => {
      const url = await listen(nest, moduleOf(nest, nest.AuditModule.forRoot(settings())), platform)
      const names = Array.from({ length: 40 }, (_, n) => (n % 2 ? 'ada' : 'bob'))
      await Promise.all(names.map((name, n) => post(url, name, `${name}-${n}`, `${n}`)))
      const all = await events(120)
      for (const { user, request } of all) expect(user?.username).toBe(request?.id?.split('-')[0])
      expect(new Set(all.map(({ request }) => request?.id)).size).toBe(40)
    })

    it('tells the security monitoring which error a request ended with, and answers as without it', async () => {
      const monitored = nest.AuditModule.forRoot({ ...settings(), context: { monitor: true } })
      const url = await listen(nest, moduleOf(nest, monitored), platform)
      const broken = await fetch(`${url}/open/broken`, { headers: { 'x-user': 'bob', 'x-request-id': 'req-5' } })
      expect([broken.status, await broken.json()]).toEqual([500, { statusCode: 500, message: 'Internal server error' }])
      expect((await fetch(`${url}/invoices/missing`)).status).toBe(403)
      const all = await events(2)
      expect(all.map(({ action }) => action).sort()).toEqual(['REQUEST_DENIED', 'UNHANDLED_EXCEPTION'])
      expect(all.find(({ action }) => action === 'UNHANDLED_EXCEPTION')).toMatchObject({
        reason: 'RangeError: out of ink',
        content: { status: 500 },
        user: { username: 'bob' },
        request: { id: 'req-5', route: '/open/broken' },
      })
    })

    it('changes nothing of what exception filters and guards answer', async () => {
      const url = await listen(nest, moduleOf(nest, nest.AuditModule.forRoot(settings())), platform)
      const missing = await fetch(`${url}/invoices/missing`, { headers: { authorization: 'ada' } })
      expect(missing.status).toBe(404)
      expect(await missing.json()).toEqual({ message: 'no such invoice', error: 'Not Found', statusCode: 404 })
      expect((await fetch(`${url}/invoices/missing`)).status).toBe(403)
      expect(await events(1)).toMatchObject([{ action: 'LOOKED', user: { username: 'ada' } }])
    })
  })

  it('begins first and ends last: what other modules do at the end is on the pending list', async () => {
    const { Module, Inject, Global } = nest.common
    @Global()
    @Module({})
    class Busy {
      constructor(@Inject(nest.AuditLogger) private readonly audit: InstanceType<typeof nest.AuditLogger>) {}
      onModuleInit(): void {
        this.audit.sendLog('BEGUN')
      }
      async onApplicationShutdown(): Promise<void> {
        await new Promise((resolve) => setImmediate(resolve))
        this.audit.sendLog('ENDING')
      }
    }
    const auditModule = nest.AuditModule.forRoot({ ...settings(), lifecycleEvents: true })
    await listen(nest, moduleOf(nest, auditModule, [Busy]), 'express')
    await running?.close()
    running = undefined
    const all = await events(4)
    expect(all.map(({ action }) => action)).toEqual(['AUDIT_STARTED', 'BEGUN', 'ENDING', 'AUDIT_STOPPED'])
  })

  it('waits at the end for organisations that are loaded, while the data sources still live', async () => {
    const { Module, Inject } = nest.common
    const { getDataSourceToken } = nest.typeorm
    let closing = (): void => undefined
    const closed = new Promise<void>((resolve) => {
      closing = resolve
    })
    @Module({})
    class Late {
      constructor(
        @Inject(nest.AuditLogger) private readonly audit: InstanceType<typeof nest.AuditLogger>,
        @Inject(getDataSourceToken()) private readonly dataSource: DataSource,
      ) {}

      onApplicationBootstrap(): void {
        const organisation = closed.then(async () => {
          await new Promise((resolve) => setTimeout(resolve, 50))
          return `tenant ${await this.dataSource.getRepository(Invoice).count()}`
        })
        this.audit.sendLog('LATE', { user: { id: 1, organisation } })
      }

      beforeApplicationShutdown(): void {
        closing()
      }
    }
    await listen(nest, moduleOf(nest, nest.AuditModule.forRoot(settings()), [Late]), 'fastify')
    await running?.close()
    running = undefined
    expect(await events(1)).toMatchObject([{ action: 'LATE', user: { pk: '1', organisation: 'tenant 0' } }])
  })

  it('takes its options from a factory, with what it asks for', async () => {
    const { Module } = nest.common
    const CONFIG = Symbol('config')
    @Module({ providers: [{ provide: CONFIG, useFactory: async () => ({ url: server.url }) }], exports: [CONFIG] })
    class ConfigModule {}
    const auditModule = nest.AuditModule.forRootAsync({
      imports: [ConfigModule],
      inject: [CONFIG],
      useFactory: async ({ url }: { url: string }) => ({ ...settings(), redis: url }),
    })
    const url = await listen(nest, moduleOf(nest, auditModule), 'fastify')
    await post(url, 'bob', 'req-bob', 'B-1')
    expect(await events(3)).toMatchObject(Array(3).fill({ user: { organisation: 'Globex' } }))
  })

  it('attaches where there is no HTTP, and the global functions use its logger', async () => {
    const module = moduleOf(nest, nest.AuditModule.forRoot(settings()))
    running = await nest.core.NestFactory.createApplicationContext(module, { logger: false, abortOnError: false })
    await running.get<DataSource>(nest.typeorm.getDataSourceToken()).getRepository(Invoice).save({ number: 'C-1' })
    nest.sendLog('BY_HAND')
    const all = await events(2)
    expect(all.map(({ action }) => action)).toEqual(['OBJ_CREATE', 'BY_HAND'])
  })

  it('has migrations on record that run between init() and listen()', async () => {
    const app = await nest.create(moduleOf(nest, nest.AuditModule.forRoot(settings())), 'express')
    running = app
    await app.init()
    await app.get<DataSource>(nest.typeorm.getDataSourceToken()).runMigrations()
    const [event] = await events(1)
    expect(event).toMatchObject({ action: 'DB_MIGRATED', outcome: 'success' })
    expect(JSON.stringify(event?.content)).toContain('Fill1700000000000')
  })

  it('leaves out what it is told to', async () => {
    const auditModule = nest.AuditModule.forRoot({ ...settings(), context: false, attach: false })
    const url = await listen(nest, moduleOf(nest, auditModule), 'express')
    const response = await post(url, 'ada', 'req-ada', 'A-1')
    expect(response.headers.has('x-request-id')).toBe(false)
    const [only, ...others] = await events(1)
    expect([only?.action, others]).toEqual(['SEEN', []])
    expect(only).not.toHaveProperty('request')
  })

  it('does not start with options that are wrong', async () => {
    const wrong = nest.AuditModule.forRoot({ ...settings(), context: { trustProxy: 'no address' as never } })
    await expect(nest.create(moduleOf(nest, wrong), 'fastify')).rejects.toThrow(/trustProxy/)
    const unknown = nest.AuditModule.forRoot({ ...settings(), ...{ no: 'such option' } })
    await expect(nest.create(moduleOf(nest, unknown), 'express')).rejects.toThrow(/no/)
  })
})
