import 'reflect-metadata'
import { AsyncResource } from 'node:async_hooks'
import { EventEmitter, once } from 'node:events'
import { Agent, get, type IncomingMessage, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { setTimeout as delay, setImmediate as immediate } from 'node:timers/promises'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { Pool } from 'pg'
import { Column, DataSource, Entity, PrimaryGeneratedColumn } from 'typeorm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuditLogger } from '../../../src/audit-logger'
import { AuditUpdateDelete } from '../../../src/capture/decorator'
import { auditContext as forExpress } from '../../../src/context/adapters/express'
import { auditContext as forFastify } from '../../../src/context/adapters/fastify'
import { withAuditContext } from '../../../src/context/adapters/http'
import { auditContext as forKoa } from '../../../src/context/adapters/koa'
import { runWithContext, setContextUser } from '../../../src/context/context'
import { createDatabase, type TestDatabase } from '../../support/shared'
import { ROOT } from '../../support/spawn-process'
import { MemoryQueue, spyLogger } from '../../unit/fakes'
import { listen, type RunningApp } from './apps'

const REQUESTS = 1_000

@Entity()
@AuditUpdateDelete
class Note {
  @PrimaryGeneratedColumn()
  id!: number

  @Column('text')
  owner!: string
}

type Work = (request: IncomingMessage, response: ServerResponse) => Promise<void>

let database: TestDatabase
let dataSource: DataSource
let pool: Pool
let queue: MemoryQueue
let audit: AuditLogger
/** Shared by all requests, as an application's own event bus is. */
const bus = new EventEmitter()

beforeAll(async () => {
  database = await createDatabase('postgres')
  const { type, host, port, username } = database
  // Fewer connections than requests: each is used by many, one after the other, and opened by whoever came first.
  const options = { type, host, port, username, database: database.database, poolSize: 4 }
  dataSource = await new DataSource({ ...options, entities: [Note], synchronize: true }).initialize()
  pool = new Pool({ host, port, user: username, database: database.database, max: 4 })
  queue = new MemoryQueue()
  audit = new AuditLogger({ lifecycleEvents: false, logger: spyLogger() }, { queue }).attach(dataSource)
  bus.on('work', (expected: string) => audit.sendLog('ON_THE_BUS', { expected }))
})

afterAll(async () => {
  await audit?.close()
  await pool?.end()
  await dataSource?.destroy()
})

/** Waits in every way in which a request waits, and records an event after each. */
const work: Work = async (request, response) => {
  const expected = String(request.headers['x-user'])
  const tell = (action: string) => audit.sendLog(action, { expected })
  request.on('close', () => tell('ON_CLOSE'))
  response.on('finish', () => tell('ON_FINISH'))
  await delay(Math.random() * 5)
  setContextUser({ id: expected })
  tell('AFTER_A_TIMER')
  await new Promise<void>((resolve) => setTimeout(() => resolve(tell('IN_A_TIMER')), Math.random() * 5))
  await immediate()
  process.nextTick(() => tell('IN_A_TICK'))
  bus.emit('work', expected)
  await dataSource.getRepository(Note).save({ owner: expected })
  tell('AFTER_A_SAVE')
  await dataSource.transaction(async (manager) => {
    await manager.save(manager.create(Note, { owner: expected }))
    await manager.query('SELECT pg_sleep(0.001)')
  })
  await pool.query('SELECT 1')
  tell('AFTER_A_QUERY')
  const through = new PassThrough()
  Readable.from(['a', 'b'])
    .on('data', () => tell('IN_A_STREAM'))
    .pipe(through)
  through.resume()
  await once(through, 'end')
  tell('AFTER_A_STREAM')
}

const previous = createRequire(join(ROOT, 'test/packages/previous/package.json'))

const SERVERS: readonly [name: string, start: () => Promise<RunningApp>][] = [
  ['Express 5', () => expressServer(express)],
  ['Express 4', () => expressServer(previous('express') as typeof express)],
  ['Fastify 5', fastifyServer],
  ['Koa 3', koaServer],
  ['node:http', httpServer],
]

describe.each(SERVERS)('a thousand requests at once to %s', (_name, start) => {
  it('keep their contexts apart', { timeout: 120_000 }, async () => {
    queue.pushes.length = 0
    const { port, stop } = await start()
    const agent = new Agent({ keepAlive: true, maxSockets: 200 })
    const send = (user: number) =>
      new Promise<string | undefined>((resolve, reject) => {
        const headers = { 'x-user': String(user), 'x-request-id': `r-${user}` }
        const path = `/work/${user}`
        get({ port, path, host: '127.0.0.1', agent, headers }, (response) => {
          response.resume().on('end', () => resolve(response.headers['x-request-id'] as string | undefined))
        }).on('error', reject)
      })
    const ids = await Promise.all(Array.from({ length: REQUESTS }, (_, user) => send(user)))
    expect(ids).toEqual(ids.map((_, user) => `r-${user}`))
    agent.destroy()
    await stop()
    await audit.flush()
    const wrong = queue.events.filter(({ user, request, content, changes }) => {
      const expected = content?.expected ?? (changes?.owner as { to?: unknown } | undefined)?.to
      return user?.pk !== expected || request?.id !== `r-${expected}` || request.url !== `/work/${expected}`
    })
    expect(wrong.slice(0, 3)).toEqual([])
    const counts = new Map<string, number>()
    for (const { action } of queue.events) counts.set(action, (counts.get(action) ?? 0) + 1)
    expect(Object.fromEntries(counts)).toEqual({
      ...Object.fromEntries(ONCE.map((action) => [action, REQUESTS])),
      IN_A_STREAM: 2 * REQUESTS,
      OBJ_CREATE: 2 * REQUESTS,
    })
  })
})

describe('a callback of a pooled connection', () => {
  it.each(['postgres', 'mariadb'] as const)('never has the context of the request that opened it: %s', async (kind) => {
    const source = new DataSource({ ...(await createDatabase(kind)), poolSize: 2 })
    const events = new MemoryQueue()
    const own = new AuditLogger({ lifecycleEvents: false, logger: spyLogger() }, { queue: events }).attach(source)
    await source.initialize()
    // The connection that initialize() opened is taken, so that the request has to open another.
    const taken = source.createQueryRunner()
    await taken.connect()
    const runner = source.createQueryRunner()
    const connection = (await runWithContext({ user: 'first' }, () => runner.connect())) as {
      query(sql: string, done: () => void): void
    }
    const asked = (record: () => void) =>
      new Promise<void>((resolve) => {
        connection.query('SELECT 1', () => resolve(record()))
      })
    await runWithContext({ user: 'second' }, async () => {
      await asked(() => own.sendLog('IN_A_CALLBACK'))
      await asked(AsyncResource.bind(() => own.sendLog('IN_A_BOUND_CALLBACK')))
      await runner.query('SELECT 1')
      own.sendLog('AFTERWARDS')
    })
    expect(events.events.map(({ action, user }) => [action, user?.pk])).toEqual([
      ['IN_A_CALLBACK', undefined],
      ['IN_A_BOUND_CALLBACK', 'second'],
      ['AFTERWARDS', 'second'],
    ])
    await Promise.all([taken.release(), runner.release()])
    await own.close()
    await source.destroy()
  })
})

const ONCE = [
  'ON_CLOSE',
  'ON_FINISH',
  'AFTER_A_TIMER',
  'IN_A_TIMER',
  'IN_A_TICK',
  'ON_THE_BUS',
  'AFTER_A_SAVE',
  'AFTER_A_QUERY',
  'AFTER_A_STREAM',
]

function expressServer(module: typeof express): Promise<RunningApp> {
  const app = module()
  app.use(forExpress({ audit }))
  app.get('/work/:user', (request, response, next) => {
    work(request, response).then(() => response.send('ok'), next)
  })
  return listen(app)
}

async function fastifyServer(): Promise<RunningApp> {
  const app = fastify({ forceCloseConnections: true })
  app.register(forFastify, { audit })
  app.get('/work/:user', async (request, reply) => {
    await work(request.raw, reply.raw)
    return 'ok'
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return { port, url: `http://127.0.0.1:${port}`, stop: () => app.close() }
}

function koaServer(): Promise<RunningApp> {
  const app = new Koa()
  app.use(forKoa({ audit }))
  app.use(async (context) => {
    await work(context.req, context.res)
    context.body = 'ok'
  })
  return listen(app.callback())
}

function httpServer(): Promise<RunningApp> {
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    await work(request, response)
    response.end('ok')
  }
  const listener = withAuditContext(handle, { audit })
  return listen((request, response) => void listener(request, response))
}
