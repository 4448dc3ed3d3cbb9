import { createRequire } from 'node:module'
import { join } from 'node:path'
import express, { type Express, type RequestHandler } from 'express'
import session from 'express-session'
import { Authenticator, type PassportStatic, Strategy } from 'passport'
import { Strategy as LocalStrategy } from 'passport-local'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { AuditLogger } from '../../../src/audit-logger'
import { currentContext, runWithContext } from '../../../src/context/context'
import { auditPassport, type LoginHookOptions } from '../../../src/login/passport'
import { auditSession } from '../../../src/login/session'
import { Browser, LoginEvents, serve } from '../../support/login-events'
import { ROOT } from '../../support/spawn-process'

const ANN = { id: 7, username: 'ann' }
const PASSWORD = 'canary-of-ann'

let events: LoginEvents
const closing: (() => Promise<void>)[] = []
beforeAll(async () => {
  events = await LoginEvents.start()
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})
afterAll(() => events?.stop())

interface Shop {
  passport: PassportStatic
  audit: AuditLogger
  app: Express
  undo: () => void
  /** Starts it with what was added, and opens a browser. */
  open: () => Promise<Browser>
  recorded: () => ReturnType<LoginEvents['of']>
}

/** An application as the guides of Passport have it. */
function shop(options: LoginHookOptions & { enabled?: boolean; store?: session.Store } = {}): Shop {
  const { enabled, store, ...hook } = options
  const passport = new Authenticator() as unknown as PassportStatic
  const audit = events.logger(enabled === undefined ? {} : { enabled })
  const undo = auditPassport(passport, { audit, ...hook })
  passport.use(
    new LocalStrategy((username, password, done) => {
      if (username === 'broken') done(new Error(`the directory is down, asked with ${password}`))
      else if (username !== 'ann') done(null, false, { message: 'Unknown user' })
      else if (password !== PASSWORD) done(null, false, { message: 'Incorrect password' })
      else setImmediate(() => done(null, ANN))
    }),
  )
  passport.serializeUser((user, done) => done(null, (user as typeof ANN).id))
  passport.deserializeUser((id: number, done) => done(null, id === ANN.id ? ANN : false))
  const app = express()
  app.use(express.json())
  app.use(session({ secret: 'for this test', resave: false, saveUninitialized: false, ...(store && { store }) }))
  app.use(passport.initialize())
  app.use(passport.session())
  const logout: RequestHandler = (request, response, next) => {
    request.logout((error) => (error ? next(error) : response.end()))
  }
  app.post('/logout', logout)
  app.get('/me', (request, response) => {
    response.json(request.user ?? null)
  })
  const open = async () => {
    app.use(((error, _request, response, _next) => {
      response.status(500).end(String(error))
    }) as express.ErrorRequestHandler)
    const { url, close } = await serve(app)
    closing.push(close)
    return new Browser(url)
  }
  return { passport, audit, app, undo, open, recorded: () => events.of(audit) }
}

const ok: RequestHandler = (_request, response) => {
  response.json({ ok: true })
}

/** What Passport gives a strategy to act by. */
interface ActingStrategy extends Strategy {
  success(user: object, info?: object): void
  fail(challenge?: object | string | number, status?: number): void
  redirect(url: string): void
  pass(): void
}

/** A strategy of an application's own. */
class Custom extends (Strategy as new () => ActingStrategy) {
  constructor(
    override readonly name: string,
    readonly act: (this: ActingStrategy, request: express.Request) => void,
  ) {
    super()
  }

  override authenticate(request: express.Request): void {
    this.act(request)
  }
}

describe('auditPassport', () => {
  it('records a login with who, from where and how, and the logout of the user who was there', async () => {
    const { app, passport, open, recorded } = shop()
    app.post('/login', passport.authenticate('local'), ok)
    const browser = await open()
    expect((await browser.post('/login', { username: 'ann', password: PASSWORD })).status).toBe(200)
    expect(await (await browser.get('/me')).json()).toEqual(ANN)
    expect((await browser.post('/logout')).status).toBe(200)
    expect(await (await browser.get('/me')).json()).toBeNull()
    const all = await recorded()
    expect(all).toMatchObject([
      {
        action: 'USER_LOGIN',
        outcome: 'success',
        user: { pk: '7', type: 'user', username: 'ann', ip: expect.stringContaining('127.0.0.1') },
        content: { method: 'password', strategy: 'local' },
        request: { method: 'POST', url: '/login', user_agent: 'vitest' },
        entry_point: 'http',
      },
      { action: 'USER_LOGOUT', outcome: 'success', user: { pk: '7', username: 'ann' }, request: { url: '/logout' } },
    ])
    expect(all).toHaveLength(2)
    expect(JSON.stringify(all)).not.toContain(PASSWORD)
  })

  it('records failures with the reason of the strategy, with failureRedirect and with callbacks of your own', async () => {
    const { app, passport, open, recorded } = shop()
    app.post('/plain', passport.authenticate('local'), ok)
    app.post('/redirect', passport.authenticate('local', { failureRedirect: '/again' }), ok)
    app.post('/error', passport.authenticate('local', { failWithError: true }), ok)
    app.post('/callback', (request, response, next) => {
      const answer = (_error: unknown, user: unknown) => response.status(user ? 200 : 403).end()
      passport.authenticate('local', answer)(request, response, next)
    })
    const browser = await open()
    const statuses: number[] = []
    for (const path of ['/plain', '/redirect', '/error', '/callback']) {
      statuses.push((await browser.post(path, { username: 'ann', password: 'guess-1' })).status)
    }
    statuses.push((await browser.post('/plain', { username: 'eve', password: 'guess-1' })).status)
    statuses.push((await browser.post('/plain', {})).status)
    expect(statuses).toEqual([401, 302, 500, 403, 401, 400])
    const all = await recorded()
    const ann = {
      action: 'USER_LOGIN_FAILED',
      outcome: 'failure',
      reason: 'Incorrect password',
      user: { type: 'anonymous', username: 'ann' },
      content: { method: 'password', strategy: 'local' },
    }
    expect(all).toMatchObject([ann, ann, ann, ann, { reason: 'Unknown user', user: { username: 'eve' } }, {}])
    expect(all[5]).toMatchObject({ action: 'USER_LOGIN_FAILED', reason: 'Missing credentials' })
    expect(all[5]?.user).not.toHaveProperty('username')
    expect(all).toHaveLength(6)
    expect(JSON.stringify(all)).not.toContain('guess-1')
  })

  it('records a login by a callback of your own when it calls logIn, and not before', async () => {
    const { app, passport, open, recorded } = shop()
    app.post('/login', (request, response, next) => {
      const answer = (_error: unknown, user: object) => {
        if (request.query.second !== 'factor') response.status(403).end()
        else request.logIn(user, () => response.end())
      }
      passport.authenticate('local', answer)(request, response, next)
    })
    const browser = await open()
    await browser.post('/login', { username: 'ann', password: PASSWORD })
    expect(await recorded()).toEqual([])
    await browser.post('/login?second=factor', { username: 'ann', password: PASSWORD })
    expect(await recorded()).toMatchObject([{ action: 'USER_LOGIN', content: { method: 'password' } }])
  })

  it('records an error of a strategy as a failure, without the password that stands in it', async () => {
    const { app, passport, open, recorded } = shop()
    passport.use(
      new Custom('throws', () => {
        throw new Error('thrown')
      }),
    )
    app.post('/login', passport.authenticate('local'), ok)
    app.post('/throws', passport.authenticate('throws'), ok)
    const browser = await open()
    expect((await browser.post('/login', { username: 'broken', password: 'guess-2' })).status).toBe(500)
    expect((await browser.post('/throws', { username: 'ann' })).status).toBe(500)
    const all = await recorded()
    expect(all).toMatchObject([
      { action: 'USER_LOGIN_FAILED', reason: 'Error: the directory is down, asked with ***' },
      { action: 'USER_LOGIN_FAILED', reason: 'Error: thrown', user: { username: 'ann' } },
    ])
    expect(all).toHaveLength(2)
  })

  it('records one event an attempt, not one a strategy', async () => {
    const { app, passport, open, recorded } = shop()
    passport.use(
      new Custom('directory', function () {
        setImmediate(() => this.fail({ message: 'No such entry' }, 401))
      }),
    )
    passport.use(
      new Custom('card', function (request) {
        if (request.body.card === undefined) this.fail('Card')
        else this.success(ANN)
      }),
    )
    const chain = passport.authenticate(['local', 'directory', 'card'])
    app.post('/login', chain, ok)
    app.post('/twice', (request, response, next) => {
      const second = () => passport.authenticate('directory', () => response.end())(request, response, next)
      passport.authenticate('local', second)(request, response, next)
    })
    const browser = await open()
    await browser.post('/login', { username: 'ann', password: 'guess-3' })
    await browser.post('/login', { username: 'ann', password: 'guess-3', card: '1' })
    await browser.post('/twice', { username: 'eve', password: 'guess-3' })
    const all = await recorded()
    expect(all.map(({ action, reason, content }) => [action, reason, content?.strategy])).toEqual([
      ['USER_LOGIN_FAILED', 'Incorrect password; No such entry; Card', 'local, directory, card'],
      ['USER_LOGIN', undefined, 'card'],
      ['USER_LOGIN_FAILED', 'Unknown user', 'local'],
      ['USER_LOGIN_FAILED', 'No such entry', 'directory'],
    ])
  })

  it('does not take a token that is looked at in each request, or a session that is read, for a login', async () => {
    const { app, passport, open, recorded } = shop()
    passport.use(
      new Custom('bearer', function (request) {
        const header = request.get('authorization')
        if (header === undefined) this.fail('Bearer realm="Users"')
        else if (header === 'Bearer good-token') this.success(ANN)
        else this.fail({ message: 'jwt expired' })
      }),
    )
    passport.use(
      new Custom('anonymous', function () {
        this.pass()
      }),
    )
    app.get('/api', passport.authenticate('bearer', { session: false }), ok)
    app.get('/open', passport.authenticate(['bearer', 'anonymous'], { session: false }), ok)
    const browser = await open()
    for (const path of ['/api', '/open', '/me']) await browser.get(path, { authorization: 'Bearer good-token' })
    for (const path of ['/api', '/open']) await browser.get(path)
    expect(await recorded()).toEqual([])
    for (const path of ['/api', '/open']) await browser.get(path, { authorization: 'Bearer bad-token' })
    const failed = { action: 'USER_LOGIN_FAILED', reason: 'jwt expired', content: { method: 'bearer' } }
    expect(await recorded()).toMatchObject([failed, failed])
  })

  it('takes success without a session for a login where it is told to', async () => {
    const { app, passport, open, recorded } = shop({ stateless: ['local'] })
    app.post('/token', passport.authenticate('local', { session: false }), (request, response) => {
      response.json({ token: request.user })
    })
    app.post('/login', passport.authenticate('local'), ok)
    const browser = await open()
    await browser.post('/token', { username: 'ann', password: PASSWORD })
    await browser.post('/login', { username: 'ann', password: PASSWORD })
    expect((await recorded()).map(({ action, request }) => `${action} ${request?.url}`)).toEqual([
      'USER_LOGIN /token',
      'USER_LOGIN /login',
    ])
  })

  it('records a login whose session cannot be kept as a failure, and such a logout too', async () => {
    const store = new session.MemoryStore()
    const { app, passport, open, recorded } = shop({ store })
    app.post('/login', passport.authenticate('local'), ok)
    const browser = await open()
    const set = store.set.bind(store)
    const refuse: typeof store.set = (_id, _session, callback) => callback?.(new Error('the store is full'))
    store.set = refuse
    expect((await browser.post('/login', { username: 'ann', password: PASSWORD })).status).toBe(500)
    store.set = set
    expect((await browser.post('/login', { username: 'ann', password: PASSWORD })).status).toBe(200)
    store.set = refuse
    expect((await browser.post('/logout')).status).toBe(500)
    expect(await recorded()).toMatchObject([
      { action: 'USER_LOGIN_FAILED', reason: 'Error: the store is full', user: { type: 'anonymous', username: 'ann' } },
      { action: 'USER_LOGIN', outcome: 'success' },
      { action: 'USER_LOGOUT', outcome: 'failure', reason: 'Error: the store is full', user: { pk: '7' } },
    ])
  })

  it('records the logout by destroying the session, once, also beside logout and where the session is watched', async () => {
    for (const watching of [false, true]) {
      const { app, passport, audit, open, recorded } = shop()
      if (watching) app.use(auditSession({ audit, user: 'passport.user' }))
      app.post('/login', passport.authenticate('local'), ok)
      app.post('/destroy', (request, response, next) => {
        request.session.destroy((error) => (error ? next(error) : response.end()))
      })
      app.post('/both', (request, response, next) => {
        request.logout(() => request.session.destroy((error) => (error ? next(error) : response.end())))
      })
      app.post('/at-once', passport.authenticate('local'), (request, response, next) => {
        request.session.destroy((error) => (error ? next(error) : response.end()))
      })
      const browser = await open()
      const login = { username: 'ann', password: PASSWORD }
      for (const path of ['/destroy', '/login', '/destroy', '/destroy', '/login', '/both', '/at-once']) {
        expect((await browser.post(path, login)).status).toBe(200)
      }
      const both = ['USER_LOGIN ann', 'USER_LOGOUT ann']
      const told = (await recorded()).map(({ action, user }) => `${action} ${user?.username}`)
      expect(told).toEqual([...both, ...both, ...both])
    }
  })

  it('records nothing for the logout of nobody', async () => {
    const { open, recorded } = shop()
    const browser = await open()
    expect((await browser.post('/logout')).status).toBe(200)
    expect(await recorded()).toEqual([])
  })

  it('tells a provider from a password, and lets you name the method', async () => {
    const oauth = () =>
      Object.assign(
        new Custom('github', function (request) {
          if (request.query.code === undefined) this.redirect('https://provider.example/authorize')
          else if (request.query.code === 'good') this.success(ANN)
          else this.fail({ message: 'access denied' })
        }),
        { _oauth2: {} },
      )
    const { app, passport, open, recorded } = shop()
    passport.use(oauth())
    app.get('/github', passport.authenticate('github'), ok)
    const browser = await open()
    expect((await browser.get('/github')).status).toBe(302)
    await browser.get('/github?code=bad')
    await browser.get('/github?code=good')
    expect(await recorded()).toMatchObject([
      { action: 'USER_LOGIN_FAILED', reason: 'access denied', content: { method: 'oauth', strategy: 'github' } },
      { action: 'USER_LOGIN', content: { method: 'oauth', strategy: 'github' } },
    ])
    const named = shop({ method: (strategy) => (strategy === 'local' ? 'pin' : undefined) })
    named.app.post('/login', named.passport.authenticate('local'), ok)
    await (await named.open()).post('/login', { username: 'ann', password: PASSWORD })
    expect(await named.recorded()).toMatchObject([{ content: { method: 'pin' } }])
  })

  it('records an attempt that was blocked as such', async () => {
    const { app, passport, open, recorded } = shop()
    passport.use(
      new Custom('limited', function () {
        this.fail({ message: 'Too many attempts' }, 429)
      }),
    )
    app.post('/login', passport.authenticate('limited'), ok)
    const browser = await open()
    expect((await browser.post('/login', { username: 'ann', password: 'guess-4' })).status).toBe(429)
    expect(await recorded()).toMatchObject([
      { action: 'USER_LOGIN_BLOCKED', outcome: 'failure', reason: 'Too many attempts', user: { username: 'ann' } },
    ])
  })

  it('works for routes made before it, for strategies given as objects, and once when called twice', async () => {
    const passport = new Authenticator() as unknown as PassportStatic
    const audit = events.logger()
    const app = express()
    app.use(express.json())
    const local = new LocalStrategy((_name, _password, done) =>
      setImmediate(() => done(null, false, { message: 'No' })),
    )
    passport.use(local)
    app.post('/named', passport.authenticate('local', { session: false }), ok)
    const undo = auditPassport(passport, { audit })
    expect(auditPassport(passport, { audit: events.logger() })).toBe(undo)
    app.post('/object', passport.authenticate(local, { session: false }), ok)
    const { url, close } = await serve(app)
    closing.push(close)
    const browser = new Browser(url)
    const attempts = Array.from({ length: 20 }, (_, index) => {
      return browser.post(index % 2 === 0 ? '/named' : '/object', { username: `user-${index}`, password: 'x' })
    })
    for (const response of await Promise.all(attempts)) expect(response.status).toBe(401)
    const names = (await events.of(audit)).map(({ user }) => user?.username)
    expect(names.sort()).toEqual(Array.from({ length: 20 }, (_, index) => `user-${index}`).sort())
  })

  it('leaves Passport as it was when it is undone, also for routes made meanwhile', async () => {
    const { app, passport, open, recorded, undo } = shop()
    app.post('/login', passport.authenticate('local'), ok)
    const browser = await open()
    undo()
    undo()
    expect(Object.hasOwn(passport, 'authenticate')).toBe(false)
    expect((await browser.post('/login', { username: 'ann', password: PASSWORD })).status).toBe(200)
    await browser.post('/login', { username: 'ann', password: 'guess-5' })
    await browser.post('/logout')
    expect(await recorded()).toEqual([])
  })

  it('lets everybody log in and out with a logger that is disabled, and with options that throw', async () => {
    const boom = (): never => {
      throw new Error('boom')
    }
    for (const options of [
      { enabled: false },
      { username: boom, method: boom, skip: boom, blocked: boom, usernames: boom },
    ]) {
      const { app, passport, open, recorded } = shop(options)
      app.post('/login', passport.authenticate('local'), ok)
      const browser = await open()
      expect((await browser.post('/login', { username: 'ann', password: 'guess-6' })).status).toBe(401)
      expect((await browser.post('/login', { username: 'ann', password: PASSWORD })).status).toBe(200)
      expect((await browser.post('/logout')).status).toBe(200)
      const actions = (await recorded()).map(({ action }) => action)
      expect(actions).toEqual('enabled' in options ? [] : ['USER_LOGIN_FAILED', 'USER_LOGIN', 'USER_LOGOUT'])
    }
  })

  it('lets everybody log in and out while Redis does not answer, and has it on record afterwards', async () => {
    const { app, passport, open, recorded } = shop()
    app.post('/login', passport.authenticate('local'), ok)
    const browser = await open()
    events.pause()
    try {
      expect((await browser.post('/login', { username: 'ann', password: 'guess-9' })).status).toBe(401)
      expect((await browser.post('/login', { username: 'ann', password: PASSWORD })).status).toBe(200)
      expect((await browser.post('/logout')).status).toBe(200)
    } finally {
      events.resume()
    }
    expect((await recorded()).map(({ action }) => action)).toEqual(['USER_LOGIN_FAILED', 'USER_LOGIN', 'USER_LOGOUT'])
  })

  it('leaves out what skip says', async () => {
    const { app, passport, open, recorded } = shop({ skip: ({ username }) => username === 'probe' })
    app.post('/login', passport.authenticate('local'), ok)
    const browser = await open()
    for (const username of ['probe', 'eve']) await browser.post('/login', { username, password: 'guess-7' })
    expect(await recorded()).toMatchObject([{ user: { username: 'eve' } }])
  })

  it('records in the context of the request, also when the strategy loses it', async () => {
    const passport = new Authenticator() as unknown as PassportStatic
    const audit = events.logger()
    auditPassport(passport, { audit })
    const waiting: (() => void)[] = []
    passport.use(
      new Custom('pooled', function () {
        waiting.push(() => this.fail({ message: currentContext() === undefined ? 'lost' : 'kept' }))
      }),
    )
    const app = express()
    app.use((request, _response, next) => {
      runWithContext(
        { request: { id: String(request.query.n), url: request.url }, extra: { n: request.query.n } },
        next,
      )
    })
    app.get('/', passport.authenticate('pooled'), ok)
    const { url, close } = await serve(app)
    closing.push(close)
    const timer = setInterval(() => {
      for (const go of waiting.splice(0)) go()
    }, 5)
    await Promise.all(Array.from({ length: 10 }, (_, n) => fetch(`${url}/?n=${n}`)))
    clearInterval(timer)
    const all = await events.of(audit)
    expect(all).toHaveLength(10)
    for (const { reason, request, content } of all) {
      expect(reason).toBe('lost')
      expect(content?.n).toBe(request?.id)
    }
  })

  it('makes one event of a login where the session is watched as well', async () => {
    const { app, passport, audit, recorded } = shop()
    const watched = express()
    watched.use(express.json())
    watched.use(session({ secret: 'for this test', resave: false, saveUninitialized: false }))
    watched.use(auditSession({ audit, user: 'passport.user' }))
    watched.use(passport.session())
    watched.post('/login', passport.authenticate('local'), ok)
    watched.post('/logout', (request, response, next) => {
      request.logout((error) => (error ? next(error) : response.end()))
    })
    watched.use(app)
    const { url, close } = await serve(watched)
    closing.push(close)
    const browser = new Browser(url)
    for (const path of ['/login', '/logout', '/login', '/logout']) {
      expect((await browser.post(path, { username: 'ann', password: PASSWORD })).status).toBe(200)
    }
    const both = ['USER_LOGIN', 'USER_LOGOUT']
    expect((await recorded()).map(({ action }) => action)).toEqual([...both, ...both])
  })

  it('works on Express 4', async () => {
    const { passport, recorded } = shop()
    const express4 = createRequire(join(ROOT, 'test/packages/previous/package.json'))('express') as typeof express
    const app = express4()
    app.use(express4.json())
    app.use(session({ secret: 'for this test', resave: false, saveUninitialized: false }))
    app.use(passport.initialize())
    app.use(passport.session())
    app.post('/login', passport.authenticate('local', { failureRedirect: '/again' }), ok)
    app.post('/logout', (request, response, next) => {
      request.logout((error) => (error ? next(error) : response.end()))
    })
    const { url, close } = await serve(app)
    closing.push(close)
    const browser = new Browser(url)
    expect((await browser.post('/login', { username: 'ann', password: 'guess-8' })).status).toBe(302)
    expect((await browser.post('/login', { username: 'ann', password: PASSWORD })).status).toBe(200)
    expect((await browser.post('/logout')).status).toBe(200)
    expect(await recorded()).toMatchObject([
      { action: 'USER_LOGIN_FAILED', reason: 'Incorrect password', request: { url: '/login' } },
      { action: 'USER_LOGIN', user: { pk: '7', ip: expect.stringContaining('127.0.0.1') } },
      { action: 'USER_LOGOUT', user: { pk: '7' } },
    ])
  })

  it('refuses what is no Passport when it is set up', () => {
    expect(() => auditPassport({})).toThrow(expect.objectContaining({ code: 'AUDIT_LOGIN_HOOK_INVALID' }))
    expect(() => auditPassport(new Authenticator(), { usernames: 'hash' })).toThrow(/hashKey/)
  })
})
