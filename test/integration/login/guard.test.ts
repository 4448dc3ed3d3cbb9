import 'reflect-metadata'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  HttpCode,
  HttpException,
  Injectable,
  Module,
  Post,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import session from 'express-session'
import passport, { Strategy as BaseStrategy } from 'passport'
import { Strategy as LocalStrategy } from 'passport-local'
import { of, throwError } from 'rxjs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { AuditLogger } from '../../../src/audit-logger'
import { auditGuard } from '../../../src/login/guard'
import { auditPassport } from '../../../src/login/passport'
import { Browser, LoginEvents } from '../../support/login-events'
import { ROOT } from '../../support/spawn-process'

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

@Injectable()
class Local extends PassportStrategy(LocalStrategy) {
  validate(username: string, password: string): object {
    if (username === 'broken') throw new Error(`the directory is down, asked with ${password}`)
    if (username !== 'ann' || password !== PASSWORD) throw new UnauthorizedException('Unknown user or wrong password')
    return ANN
  }
}

/** As passport-jwt does it. */
const token = Object.assign(new BaseStrategy(), {
  name: 'token',
  authenticate(
    this: Record<'fail' | 'success', (value: unknown) => void>,
    request: { headers: Record<string, string> },
  ) {
    const { authorization } = request.headers
    if (authorization === undefined) this.fail(new Error('No auth token'))
    else if (authorization === 'Bearer good-token') this.success(ANN)
    else this.fail(new Error('jwt expired'))
  },
})
passport.use(token as never)

@Injectable()
class Directory {
  knows(username: unknown): boolean {
    return username === 'ann'
  }
}

/** Without Passport, with a dependency. */
@Injectable()
class OwnGuard implements CanActivate {
  constructor(readonly directory: Directory) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ body: Record<string, string>; user?: object }>()
    if (!this.directory.knows(request.body.username)) return false
    request.user = ANN
    return true
  }
}
// What TypeScript's emitDecoratorMetadata would say.
Reflect.defineMetadata('design:paramtypes', [Directory], OwnGuard)

class ObservableGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    const request = context.switchToHttp().getRequest<{ body: Record<string, string>; user?: object }>()
    request.user = ANN
    return request.body.username === 'ann' ? of(false, true) : throwError(() => new UnauthorizedException('not you'))
  }
}

class LimitGuard implements CanActivate {
  canActivate(): boolean {
    throw new HttpException('Too many requests', 429)
  }
}

/** As the documentation of NestJS has it for sessions. */
class SessionGuard extends AuthGuard('local') {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const result = (await super.canActivate(context)) as boolean
    await super.logIn(context.switchToHttp().getRequest())
    return result
  }
}

async function shop(platform: 'express' | 'fastify', audit: AuditLogger): Promise<Browser> {
  const options = { audit }

  @Controller()
  class Logins {
    @UseGuards(auditGuard(AuthGuard('local'), options))
    @HttpCode(200)
    @Post('login')
    login() {
      return { token: 'good-token' }
    }

    @UseGuards(auditGuard(OwnGuard, { ...options, method: 'directory' }))
    @HttpCode(200)
    @Post('own')
    own() {
      return {}
    }

    @UseGuards(auditGuard(ObservableGuard, options))
    @HttpCode(200)
    @Post('observable')
    observable() {
      return {}
    }

    @UseGuards(auditGuard(AuthGuard('token'), { ...options, method: 'token', logins: false }))
    @Get('orders')
    orders() {
      return []
    }

    @UseGuards(auditGuard(LimitGuard, { ...options, logins: false }))
    @Post('limited')
    limited() {
      return {}
    }

    @UseGuards(SessionGuard)
    @HttpCode(200)
    @Post('session')
    session() {
      return {}
    }

    @UseGuards(auditGuard(auditGuard(SessionGuard, options), options))
    @HttpCode(200)
    @Post('session/audited')
    sessionAudited() {
      return {}
    }

    @UseGuards(AuthGuard('local'))
    @HttpCode(200)
    @Post('unaudited')
    unaudited() {
      return {}
    }
  }

  @Module({ imports: [PassportModule], controllers: [Logins], providers: [Local, Directory] })
  class Shop {}

  const app =
    platform === 'express'
      ? await NestFactory.create(Shop, { logger: false })
      : await NestFactory.create(Shop, new FastifyAdapter(), { logger: false })
  if (platform === 'express') {
    app.use(session({ secret: 'for this test', resave: false, saveUninitialized: false }), passport.session())
  }
  await app.listen(0, '127.0.0.1')
  closing.push(() => app.close())
  return new Browser(await app.getUrl())
}

describe.each(['express', 'fastify'] as const)('auditGuard in NestJS on %s', (platform) => {
  it('records the logins of a guard of @nestjs/passport, and failures with their reasons', async () => {
    const audit = events.logger()
    const browser = await shop(platform, audit)
    expect((await browser.post('/login', { username: 'ann', password: PASSWORD })).status).toBe(200)
    expect((await browser.post('/login', { username: 'ann', password: 'guess-1' })).status).toBe(401)
    expect((await browser.post('/login', { username: 'broken', password: 'guess-1' })).status).toBe(500)
    expect((await browser.post('/login', {})).status).toBe(401)
    for (const username of ['ann', 'eve']) await browser.post('/unaudited', { username, password: PASSWORD })
    const all = await events.of(audit)
    const failed = { action: 'USER_LOGIN_FAILED', outcome: 'failure', content: { method: 'password' } }
    expect(all).toMatchObject([
      {
        action: 'USER_LOGIN',
        outcome: 'success',
        user: { pk: '7', username: 'ann', ip: expect.stringContaining('127.0.0.1') },
        content: { method: 'password' },
        request: { method: 'POST', url: '/login', user_agent: 'vitest' },
      },
      { ...failed, reason: 'Unknown user or wrong password', user: { type: 'anonymous', username: 'ann' } },
      { ...failed, reason: 'the directory is down, asked with ***', user: { username: 'broken' } },
      { ...failed, reason: 'Missing credentials' },
    ])
    expect(all).toHaveLength(4)
    expect(JSON.stringify(all)).not.toMatch(/guess-1|canary/)
  })

  it('records those of guards without Passport, whatever way they answer', async () => {
    const audit = events.logger()
    const browser = await shop(platform, audit)
    const statuses: number[] = []
    for (const path of ['/own', '/observable']) {
      for (const username of ['ann', 'eve'])
        statuses.push((await browser.post(path, { username, password: 'x' })).status)
    }
    expect(statuses).toEqual([200, 403, 200, 401])
    expect((await events.of(audit)).map(({ action, reason, content }) => [action, content?.method, reason])).toEqual([
      ['USER_LOGIN', 'directory', undefined],
      ['USER_LOGIN_FAILED', 'directory', undefined],
      ['USER_LOGIN', 'password', undefined],
      ['USER_LOGIN_FAILED', 'password', 'not you'],
    ])
  })

  it('records of a guard that looks at each request only what it refuses', async () => {
    const audit = events.logger()
    const browser = await shop(platform, audit)
    const headers = [{ authorization: 'Bearer good-token' }, {}, { authorization: 'Bearer old-token' }]
    const statuses = []
    for (const header of headers) statuses.push((await browser.get('/orders', header as Record<string, string>)).status)
    expect(statuses).toEqual([200, 401, 401])
    expect(await events.of(audit)).toMatchObject([
      { action: 'USER_LOGIN_FAILED', reason: 'jwt expired', content: { method: 'token' } },
    ])
  })

  it('makes one event of a login when Passport is audited as well', async () => {
    const audit = events.logger()
    const undo = auditPassport(passport, { audit, stateless: true })
    const browser = await shop(platform, audit)
    await browser.post('/login', { username: 'ann', password: PASSWORD })
    await browser.post('/login', { username: 'ann', password: 'guess-2' })
    await browser.post('/unaudited', { username: 'ann', password: 'guess-2' })
    undo()
    expect((await events.of(audit)).map(({ action, content }) => [action, content?.strategy])).toEqual([
      ['USER_LOGIN', undefined],
      ['USER_LOGIN_FAILED', undefined],
      ['USER_LOGIN_FAILED', 'local'],
    ])
  })
})

describe('auditGuard', () => {
  it('records a refusal for too many attempts as a login that was blocked', async () => {
    const audit = events.logger()
    const browser = await shop('express', audit)
    expect((await browser.post('/limited', { username: 'ann', password: 'guess-3' })).status).toBe(429)
    expect(await events.of(audit)).toMatchObject([
      { action: 'USER_LOGIN_BLOCKED', reason: 'Too many requests', user: { type: 'anonymous', username: 'ann' } },
    ])
  })

  it('makes one event of a login that begins a session, with Passport audited or the guard or both', async () => {
    passport.serializeUser((_user, done) => done(null, 7))
    passport.deserializeUser((_id, done) => done(null, ANN))
    for (const both of [false, true]) {
      const audit = events.logger()
      const undo = both ? auditPassport(passport, { audit }) : () => undefined
      const browser = await shop('express', audit)
      for (const path of ['/session', '/session/audited']) {
        for (const password of [PASSWORD, 'guess-4']) await browser.post(path, { username: 'ann', password })
      }
      undo()
      const once = ['USER_LOGIN', 'USER_LOGIN_FAILED']
      expect((await events.of(audit)).map(({ action }) => action)).toEqual(both ? [...once, ...once] : once)
    }
  })

  it('works in NestJS 11', async () => {
    const require11 = createRequire(join(ROOT, 'test/packages/previous/package.json'))
    const common = require11('@nestjs/common') as typeof import('@nestjs/common')
    const core = require11('@nestjs/core') as typeof import('@nestjs/core')
    expect((require11('@nestjs/common/package.json') as { version: string }).version).toMatch(/^11\./)
    const audit = events.logger()
    class Logins {
      login() {
        return {}
      }
    }
    const method = Object.getOwnPropertyDescriptor(Logins.prototype, 'login') as PropertyDescriptor
    common.Controller()(Logins)
    common.Post('login')(Logins.prototype, 'login', method)
    common.UseGuards(auditGuard(OwnGuard, { audit }))(Logins.prototype, 'login', method)
    class Shop {}
    common.Module({ controllers: [Logins], providers: [Directory] })(Shop)
    const app = await core.NestFactory.create(Shop, { logger: false })
    await app.listen(0, '127.0.0.1')
    closing.push(() => app.close())
    const browser = new Browser(await app.getUrl())
    for (const username of ['ann', 'eve']) await browser.post('/login', { username, password: 'x' })
    expect((await events.of(audit)).map(({ action, user }) => [action, user?.username])).toEqual([
      ['USER_LOGIN', 'ann'],
      ['USER_LOGIN_FAILED', 'eve'],
    ])
  })

  it('refuses what is no guard when it is set up', () => {
    expect(() => auditGuard(class {} as never)).toThrow(expect.objectContaining({ code: 'AUDIT_LOGIN_HOOK_INVALID' }))
  })
})
