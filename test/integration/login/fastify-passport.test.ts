import fastifyCookie from '@fastify/cookie'
import { Authenticator, Strategy } from '@fastify/passport'
import fastifySession from '@fastify/session'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { Strategy as LocalStrategy } from 'passport-local'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { auditPassport, type LoginHookOptions } from '../../../src/login/passport'
import { Browser, LoginEvents } from '../../support/login-events'

const ANN = { id: 7, username: 'ann' }
const PASSWORD = 'canary-of-ann'

let events: LoginEvents
const closing: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  events = await LoginEvents.start()
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})
afterAll(() => events?.stop())

class Custom extends Strategy {
  constructor(
    name: string,
    readonly act: (this: InstanceType<typeof Strategy>, request: FastifyRequest) => unknown,
  ) {
    super(name)
  }

  override authenticate(request: FastifyRequest): void {
    this.act(request)
  }
}

function shop(options: LoginHookOptions = {}) {
  const passport = new Authenticator()
  const audit = events.logger()
  const undo = auditPassport(passport, { audit, ...options })
  const local = new LocalStrategy((username, password, done) => {
    if (username === 'broken') setImmediate(() => done(new Error('the directory is down')))
    else if (username !== 'ann') done(null, false, { message: 'Unknown user' })
    else if (password !== PASSWORD) setImmediate(() => done(null, false, { message: 'Incorrect password' }))
    else done(null, ANN)
  })
  passport.use('local', local as never)
  passport.registerUserSerializer(async (user: typeof ANN) => user.id)
  passport.registerUserDeserializer(async (id: number) => (id === ANN.id ? ANN : false))
  const app: FastifyInstance = Fastify()
  app.register(fastifyCookie)
  app.register(fastifySession, { secret: 'for this test, of more than 32 characters', cookie: { secure: false } })
  app.register(passport.initialize())
  app.register(passport.secureSession())
  app.get('/me', async (request) => ({ user: request.user ?? null }))
  app.post('/logout', async (request) => {
    await request.logOut()
    return ''
  })
  const open = async () => {
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    closing.push(() => app.close())
    return new Browser(url)
  }
  return { passport, app, undo, open, recorded: () => events.of(audit) }
}

const ok = async () => ({ ok: true })

describe('auditPassport with @fastify/passport', () => {
  it('records a login, failures with their reasons, and the logout of the user who was there', async () => {
    const { app, passport, open, recorded } = shop()
    app.post('/login', { preValidation: passport.authenticate('local') }, ok)
    app.post('/redirect', { preValidation: passport.authenticate('local', { failureRedirect: '/again' }) }, ok)
    const browser = await open()
    expect((await browser.post('/login', { username: 'ann', password: 'guess-1' })).status).toBe(401)
    expect((await browser.post('/redirect', { username: 'eve', password: 'guess-1' })).status).toBe(302)
    expect((await browser.post('/login', { username: 'broken', password: 'guess-1' })).status).toBe(500)
    expect((await browser.post('/login', { username: 'ann', password: PASSWORD })).status).toBe(200)
    for (let visit = 0; visit < 3; visit += 1) expect(await (await browser.get('/me')).json()).toEqual({ user: ANN })
    expect((await browser.post('/logout')).status).toBe(200)
    expect(await (await browser.get('/me')).json()).toEqual({ user: null })
    expect((await browser.post('/logout')).status).toBe(200)
    const all = await recorded()
    const failed = {
      action: 'USER_LOGIN_FAILED',
      outcome: 'failure',
      content: { method: 'password', strategy: 'local' },
    }
    expect(all).toMatchObject([
      { ...failed, reason: 'Incorrect password', user: { type: 'anonymous', username: 'ann', ip: '127.0.0.1' } },
      { ...failed, reason: 'Unknown user', user: { username: 'eve' } },
      { ...failed, reason: 'Error: the directory is down', user: { username: 'broken' } },
      {
        action: 'USER_LOGIN',
        outcome: 'success',
        user: { pk: '7', type: 'user', username: 'ann' },
        content: { method: 'password', strategy: 'local' },
        request: { method: 'POST', url: '/login', user_agent: 'vitest' },
      },
      { action: 'USER_LOGOUT', user: { pk: '7', username: 'ann' } },
    ])
    expect(all).toHaveLength(5)
    expect(JSON.stringify(all)).not.toMatch(/guess-1|canary/)
  })

  it('records one event an attempt of several strategies, whether they answer at once or later', async () => {
    const { app, passport, open, recorded } = shop()
    passport.use(
      new Custom('at-once', function () {
        this.fail({ message: 'not here' } as never)
      }),
    )
    passport.use(
      new Custom('later', function () {
        setImmediate(() => this.fail({ message: 'nor there' } as never))
      }),
    )
    app.post('/login', { preValidation: passport.authenticate(['at-once', 'later', 'local']) }, ok)
    app.post('/none', { preValidation: passport.authenticate(['at-once', 'at-once', 'later']) }, ok)
    const browser = await open()
    await browser.post('/login', { username: 'ann', password: PASSWORD })
    await browser.post('/login', { username: 'eve', password: 'guess-2' })
    await browser.post('/none', { username: 'eve', password: 'guess-2' })
    expect((await recorded()).map(({ action, reason }) => [action, reason])).toEqual([
      ['USER_LOGIN', undefined],
      ['USER_LOGIN_FAILED', 'not here; nor there; Unknown user'],
      ['USER_LOGIN_FAILED', 'not here; nor there'],
    ])
  })

  it('takes success without a session for a login only where it is told to', async () => {
    for (const stateless of [undefined, ['local']]) {
      const { app, passport, open, recorded } = shop({ stateless })
      app.post('/token', { preValidation: passport.authenticate('local', { session: false }) }, ok)
      await (await open()).post('/token', { username: 'ann', password: PASSWORD })
      expect((await recorded()).map(({ action }) => action)).toEqual(stateless === undefined ? [] : ['USER_LOGIN'])
    }
  })

  it('records the logout by destroying the session', async () => {
    const { app, passport, open, recorded } = shop()
    app.post('/login', { preValidation: passport.authenticate('local') }, ok)
    app.post('/destroy', async (request) => {
      await request.session.destroy()
      return ''
    })
    const browser = await open()
    for (const path of ['/destroy', '/login', '/destroy']) {
      expect((await browser.post(path, { username: 'ann', password: PASSWORD })).status).toBe(200)
    }
    expect(await recorded()).toMatchObject([
      { action: 'USER_LOGIN', user: { pk: '7' } },
      { action: 'USER_LOGOUT', user: { pk: '7', username: 'ann' } },
    ])
  })

  it('leaves it as it was when it is undone', async () => {
    const { app, passport, open, recorded, undo } = shop()
    app.post('/login', { preValidation: passport.authenticate('local') }, ok)
    const browser = await open()
    undo()
    expect((await browser.post('/login', { username: 'ann', password: PASSWORD })).status).toBe(200)
    expect((await browser.post('/login', { username: 'eve', password: PASSWORD })).status).toBe(401)
    expect((await browser.post('/logout')).status).toBe(200)
    expect(await recorded()).toEqual([])
  })
})
