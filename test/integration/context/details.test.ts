import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import fastifyCookie from '@fastify/cookie'
import fastifySession from '@fastify/session'
import express from 'express'
import session from 'express-session'
import fastify from 'fastify'
import Koa from 'koa'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AuditLogger } from '../../../src/audit-logger'
import { auditContext as forExpress } from '../../../src/context/adapters/express'
import { auditContext as forFastify } from '../../../src/context/adapters/fastify'
import { auditContext as forHttp } from '../../../src/context/adapters/http'
import { auditContext as forKoa } from '../../../src/context/adapters/koa'
import { currentContext, runWithContext } from '../../../src/context/context'
import { keyedHash } from '../../../src/event/keyed-hash'
import { waitFor } from '../../support/wait-for'
import { MemoryQueue, spyLogger } from '../../unit/fakes'
import { listen, type RunningApp } from './apps'

const KEY = 'a key of more than sixteen'

let queue: MemoryQueue
let audit: AuditLogger
const running: { stop(): Promise<void> }[] = []

beforeEach(() => {
  queue = new MemoryQueue()
  audit = new AuditLogger({ lifecycleEvents: false, logger: spyLogger(), maskKey: KEY }, { queue })
})
afterEach(async () => {
  for (const app of running.splice(0)) await app.stop()
  await audit.close()
})

async function started(listener: Parameters<typeof listen>[0]): Promise<RunningApp> {
  const app = await listen(listener)
  running.push(app)
  return app
}

async function ready(app: ReturnType<typeof fastify>): Promise<string> {
  running.push({ stop: () => app.close() })
  return app.listen({ port: 0, host: '127.0.0.1' })
}

describe('a session', () => {
  it('of express-session is shown by its keyed hash alone', async () => {
    const app = express()
    let id = ''
    app.use(forExpress({ audit, session: true, headers: ['cookie'] }))
    app.use(session({ secret: 'secret', resave: false, saveUninitialized: true }))
    app.get('/', (request, response) => {
      id = request.sessionID
      audit.sendLog('VISITED')
      response.send('ok')
    })
    const { url } = await started(app)
    const { headers } = await fetch(url)
    await fetch(url, { headers: { cookie: headers.get('set-cookie')?.split(';')[0] ?? '' } })
    const [first, second] = queue.events
    expect(second?.request?.session).toBe(keyedHash(id, KEY))
    expect(first?.request?.session).toBe(second?.request?.session)
    expect(JSON.stringify(queue.events)).not.toContain(id)
  })

  it('of @fastify/session is, too, with the key of the options', async () => {
    const app = fastify()
    let id = ''
    app.register(forFastify, { audit, session: { key: 'another key of the options' } })
    app.register(fastifyCookie)
    app.register(fastifySession, { secret: 's'.repeat(32), cookie: { secure: false } })
    app.get('/', async (request) => {
      id = request.session.sessionId
      audit.sendLog('VISITED')
      return 'ok'
    })
    await fetch(await ready(app))
    expect(queue.events[0]?.request?.session).toBe(keyedHash(id, 'another key of the options'))
    expect(JSON.stringify(queue.events)).not.toContain(id)
  })
})

describe('Fastify', () => {
  it('runs every hook, the handler and the listeners of a parsed body inside', async () => {
    const app = fastify()
    const seen: string[] = []
    const see = async (name: string) => {
      await delay(1)
      seen.push(`${name} ${currentContext()?.request?.id}`)
    }
    app.register(forFastify, {})
    app.addHook('onRequest', () => see('onRequest'))
    app.addHook('preParsing', async () => void (await see('preParsing')))
    app.addHook('preValidation', () => see('preValidation'))
    app.addHook('preHandler', () => see('preHandler'))
    app.addHook('preSerialization', async (_request, _reply, payload) => {
      await see('preSerialization')
      return payload
    })
    app.addHook('onError', () => see('onError'))
    app.addHook('onSend', async (_request, _reply, payload) => {
      await see('onSend')
      return payload
    })
    app.addHook('onResponse', () => see('onResponse'))
    app.post('/', async (request) => {
      await see('handler')
      if ((request.body as { fail?: boolean }).fail === true) throw new Error('asked for')
      return { ok: true }
    })
    const url = await ready(app)
    const post = (id: string, body: object) =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-request-id': id },
        body: JSON.stringify(body),
      })
    await post('a', { text: 'x'.repeat(100_000) })
    await waitFor(() => seen.length === 8, { what: 'all hooks' })
    const names = ['onRequest', 'preParsing', 'preValidation', 'preHandler', 'handler', 'preSerialization', 'onSend']
    expect(seen).toEqual([...names, 'onResponse'].map((name) => `${name} a`))
    seen.length = 0
    await post('b', { fail: true })
    await waitFor(() => seen.includes('onResponse b'), { what: 'the last hook' })
    expect(seen).toContain('onError b')
    expect(seen.every((one) => one.endsWith(' b'))).toBe(true)
  })

  it('returns the id with a reply that is hijacked, and where no route matches', async () => {
    const app = fastify()
    app.register(forFastify, {})
    app.get('/raw', (_request, reply) => {
      reply.hijack()
      reply.raw.end('raw')
    })
    const url = await ready(app)
    const headers = { 'x-request-id': 'r-1' }
    for (const path of ['/raw', '/nowhere', '/raw']) {
      expect((await fetch(`${url}${path}`, { headers })).headers.get('x-request-id')).toBe('r-1')
    }
  })
})

describe('Koa', () => {
  it('reads a generator that is its answer inside', async () => {
    const app = new Koa()
    app.silent = true
    app.use(forKoa())
    app.use((context) => {
      context.body = Readable.from(
        (async function* () {
          await delay(1)
          audit.sendLog('READ')
          yield 'a'
        })(),
      )
    })
    const { url } = await started(app.callback())
    const headers = { 'x-request-id': 'r-1' }
    expect(await (await fetch(url, { headers })).text()).toBe('a')
    expect(queue.events[0]).toMatchObject({ action: 'READ', request: { id: 'r-1' } })
  })
})

describe('the context of a request', () => {
  it('is not that in which the server was started', async () => {
    const app = express()
    app.use(forExpress())
    app.get('/', (_request, response) => {
      audit.sendLog('VISITED')
      response.send('ok')
    })
    const { url } = await runWithContext({ user: 'operator', entryPoint: 'cli', extra: { command: 'serve' } }, () =>
      started(app),
    )
    await fetch(url)
    expect(queue.events[0]).toMatchObject({ entry_point: 'http', user: { type: 'anonymous' } })
    expect(queue.events[0]?.content).toBeUndefined()
  })

  it('is one, though the middleware is used by an application and by one mounted in it', async () => {
    const [app, mounted] = [express(), express()]
    app.use(forExpress({ extra: { outer: true } }))
    mounted.use(forExpress({ requestIdHeader: 'x-other' }))
    mounted.get('/orders/:id', (_request, response) => {
      audit.sendLog('VISITED')
      response.send('ok')
    })
    app.use('/shop', mounted)
    const { url } = await started(app)
    const response = await fetch(`${url}/shop/orders/1`, { headers: { 'x-request-id': 'r-1' } })
    expect([response.headers.get('x-request-id'), response.headers.get('x-other')]).toEqual(['r-1', null])
    const [event] = queue.events
    expect(event).toMatchObject({ request: { id: 'r-1', route: '/shop/orders/:id' }, content: { outer: true } })
  })

  it('can be seen by the application, as plain values', async () => {
    const app = express()
    app.use(forExpress({ user: () => 7, extra: { a: 1 } }))
    app.get('/orders/:id', (_request, response) => void response.json(currentContext()))
    const { url } = await started(app)
    const headers = { 'x-request-id': 'r-1', 'user-agent': 'test' }
    expect(await (await fetch(`${url}/orders/1`, { headers })).json()).toEqual({
      user: 7,
      entryPoint: 'http',
      extra: { a: 1 },
      request: {
        ...{ id: 'r-1', method: 'GET', url: '/orders/1', route: '/orders/:id' },
        ...{ user_agent: 'test', ip: '127.0.0.1' },
      },
    })
  })

  it('is there when the client has gone, in the listeners and in what goes on', async () => {
    const { port } = await started((request, response) => {
      middleware(request, response, () => {
        request.on('close', () => audit.sendLog('REQUEST_CLOSED'))
        response.on('close', () => audit.sendLog('RESPONSE_CLOSED'))
        response.write('first')
      })
    })
    const socket = connect(port, '127.0.0.1')
    socket.write('GET /long HTTP/1.1\r\nhost: a\r\nx-request-id: r-1\r\n\r\n')
    socket.once('data', () => socket.destroy())
    await waitFor(() => queue.events.length === 2, { what: 'both events' })
    for (const event of queue.events) {
      expect(event).toMatchObject({ request: { id: 'r-1', url: '/long' }, user: { ip: '127.0.0.1' } })
    }
  })

  const middleware = forHttp()
})
