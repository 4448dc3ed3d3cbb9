import fastifyCookie from '@fastify/cookie'
import fastifySession from '@fastify/session'
import express from 'express'
import session from 'express-session'
import Fastify, { type FastifyRequest } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { auditFastifySession, auditSession, type SessionHookOptions } from '../../../src/login/session'
import { Browser, LoginEvents, serve } from '../../support/login-events'

let events: LoginEvents
const closing: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  events = await LoginEvents.start()
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})
afterAll(() => events?.stop())

interface Kept {
  userId?: string | undefined
  visits?: number
}

const USER: SessionHookOptions = { user: 'userId', method: 'password' }

/** What applications do with sessions, for both frameworks: `logIn` sets the user, the others are ways to log out. */
interface Routes {
  browser: Browser
  recorded: () => Promise<string[]>
  store: { destroy: (id: string, callback: (error?: unknown) => void) => void }
}

async function onExpress(): Promise<Routes> {
  const audit = events.logger()
  const store = new session.MemoryStore()
  const app = express()
  app.use(express.json())
  app.use(session({ secret: 'for this test', resave: false, saveUninitialized: false, store }))
  app.use(auditSession({ ...USER, audit }), auditSession({ ...USER, audit }))
  const change = (path: string, act: (request: express.Request, done: (error?: unknown) => void) => void) => {
    app.post(path, (request, response) => act(request, (error) => response.status(error ? 500 : 200).end()))
  }
  const kept = (request: express.Request) => request.session as Kept
  change('/visit', (request, done) => {
    kept(request).visits = (kept(request).visits ?? 0) + 1
    done()
  })
  change('/login', (request, done) => {
    kept(request).userId = request.body.user
    done()
  })
  change('/login/fresh', (request, done) => {
    request.session.regenerate((error) => {
      kept(request).userId = request.body.user
      request.session.save((failed) => done(error ?? failed))
    })
  })
  change('/renew', (request, done) => {
    const { userId } = kept(request)
    request.session.regenerate((error) => {
      kept(request).userId = userId
      done(error)
    })
  })
  change('/logout/destroy', (request, done) => request.session.destroy(done))
  change('/logout/forget', (request, done) => {
    kept(request).userId = undefined
    done()
  })
  change('/logout/regenerate', (request, done) => request.session.regenerate(done))
  change('/logout/guide', (request, done) => {
    // As the README of express-session has it.
    kept(request).userId = undefined
    request.session.save(() => request.session.regenerate(done))
  })
  change('/reload', (request, done) => request.session.reload(done))
  const { url, close } = await serve(app)
  closing.push(close)
  return {
    browser: new Browser(url),
    recorded: async () => (await events.of(audit)).map(inShort),
    store: store as Routes['store'],
  }
}

async function onFastify(): Promise<Routes> {
  const audit = events.logger()
  const store = new (fastifySession as unknown as { MemoryStore: new () => Routes['store'] }).MemoryStore()
  const app = Fastify()
  app.register(fastifyCookie)
  app.register(fastifySession, {
    secret: 'for this test, of more than 32 characters',
    saveUninitialized: false,
    cookie: { secure: false },
    store: store as never,
  })
  app.register(auditFastifySession, { ...USER, audit })
  app.register(auditFastifySession, { ...USER, audit })
  const change = (path: string, act: (request: FastifyRequest) => unknown) => {
    app.post(path, async (request) => {
      await act(request)
      return ''
    })
  }
  const kept = (request: FastifyRequest) => request.session as Kept
  const user = (request: FastifyRequest) => (request.body as { user: string }).user
  change('/visit', (request) => {
    kept(request).visits = (kept(request).visits ?? 0) + 1
  })
  change('/login', (request) => {
    kept(request).userId = user(request)
  })
  change('/login/fresh', async (request) => {
    await request.session.regenerate()
    kept(request).userId = user(request)
  })
  change('/renew', (request) => request.session.regenerate(['userId'] as never))
  change('/logout/destroy', (request) => request.session.destroy())
  change('/logout/forget', (request) => {
    kept(request).userId = undefined
  })
  change('/logout/regenerate', (request) => request.session.regenerate())
  change('/logout/guide', async (request) => {
    kept(request).userId = undefined
    await request.session.save()
    await request.session.regenerate()
  })
  change('/reload', (request) => request.session.reload())
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  closing.push(() => app.close())
  return {
    browser: new Browser(url),
    recorded: async () => (await events.of(audit)).map(inShort),
    store: store as never,
  }
}

function inShort({ action, outcome, user, content, reason }: Awaited<ReturnType<LoginEvents['of']>>[number]): string {
  const told = [action, user?.pk, content?.method, outcome === 'failure' ? reason : undefined]
  return told.filter((part) => part !== undefined).join(' ')
}

describe.each([
  ['auditSession with express-session', onExpress],
  ['auditFastifySession with @fastify/session', onFastify],
])('%s', (_name, start) => {
  it.each(['/login', '/login/fresh'])('records the login by %s, once, and no request after it', async (path) => {
    const { browser, recorded } = await start()
    for (const step of ['/visit', '/visit']) expect((await browser.post(step)).status).toBe(200)
    expect(await recorded()).toEqual([])
    expect((await browser.post(path, { user: '7' })).status).toBe(200)
    for (const step of ['/visit', '/reload', '/renew', '/visit']) expect((await browser.post(step)).status).toBe(200)
    expect(await recorded()).toEqual(['USER_LOGIN 7 password'])
  })

  it.each(['/logout/destroy', '/logout/forget', '/logout/regenerate', '/logout/guide'])(
    'records the logout by %s, once',
    async (path) => {
      const { browser, recorded } = await start()
      await browser.post('/login', { user: '7' })
      expect((await browser.post(path)).status).toBe(200)
      await expect.poll(recorded).toEqual(['USER_LOGIN 7 password', 'USER_LOGOUT 7'])
      for (const step of ['/visit', path]) await browser.post(step)
      expect(await recorded()).toHaveLength(2)
    },
  )

  it('records another user of the same session as a login', async () => {
    const { browser, recorded } = await start()
    for (const user of ['7', '7', '8']) await browser.post('/login', { user })
    expect(await recorded()).toEqual(['USER_LOGIN 7 password', 'USER_LOGIN 8 password'])
  })

  it('records a logout that the store refused as a failure', async () => {
    const { browser, recorded, store } = await start()
    await browser.post('/login', { user: '7' })
    store.destroy = (_id, callback) => callback(new Error('the store is away'))
    expect((await browser.post('/logout/destroy')).status).toBe(500)
    expect(await recorded()).toEqual(['USER_LOGIN 7 password', 'USER_LOGOUT 7 Error: the store is away'])
  })
})

describe('auditSession', () => {
  it('takes a function that says where the user is, survives one that throws, and can be undone', async () => {
    const audit = events.logger()
    const broken = auditSession({
      audit,
      user: () => {
        throw new Error('boom')
      },
    })
    const watch = auditSession({ audit, user: ({ account }) => account })
    const app = express()
    app.use(session({ secret: 'for this test', resave: false, saveUninitialized: false }))
    app.post('/broken', broken, (_request, response) => response.end())
    app.post('/login', watch, (request, response) => {
      Object.assign(request.session, { account: { id: 9, username: 'bob' } })
      response.end()
    })
    const { url, close } = await serve(app)
    closing.push(close)
    expect((await new Browser(url).post('/broken')).status).toBe(200)
    await new Browser(url).post('/login')
    watch.undo()
    await new Browser(url).post('/login')
    expect(await events.of(audit)).toMatchObject([{ action: 'USER_LOGIN', user: { pk: '9', username: 'bob' } }])
  })
})
