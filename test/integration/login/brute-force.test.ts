import express from 'express'
import passportModule, { type PassportStatic } from 'passport'
import { Strategy as LocalStrategy } from 'passport-local'
import { DataSource, EntitySchema, type Logger } from 'typeorm'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { auditContext } from '../../../src/context/adapters/express'
import type { RequestContextOptions } from '../../../src/context/http/options'
import { auditPassport, type LoginHookOptions } from '../../../src/login/passport'
import { Browser, LoginEvents, serve } from '../../support/login-events'

const Company = new EntitySchema<{ id: number; name: string }>({
  name: 'Company',
  columns: { id: { type: 'integer', primary: true }, name: { type: 'text' } },
})
const Account = new EntitySchema<{ id: number; username: string; company?: object }>({
  name: 'Account',
  columns: { id: { type: 'integer', primary: true }, username: { type: 'text' } },
  relations: { company: { type: 'many-to-one', target: 'Company' } },
})

let events: LoginEvents
const closing: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  events = await LoginEvents.start()
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})
afterAll(() => events?.stop())

async function shop(options: LoginHookOptions = {}, context: RequestContextOptions<never> = {}) {
  const queries: string[] = []
  const counter = { logQuery: (query: string) => void queries.push(query) } as unknown as Logger
  const silent = { logQueryError() {}, logQuerySlow() {}, logSchemaBuild() {}, logMigration() {}, log() {} }
  const dataSource = new DataSource({
    type: 'sqljs',
    entities: [Company, Account],
    synchronize: true,
    logging: ['query'],
    logger: Object.assign(counter, silent),
  })
  await dataSource.initialize()
  closing.push(() => dataSource.destroy())
  const accounts = dataSource.getRepository(Account)
  const company = await dataSource.getRepository(Company).save({ id: 3, name: 'Acme' })
  await accounts.save({ id: 7, username: 'ann', company })
  const audit = events.logger({ userOrganisationField: 'company' }).attach(dataSource)
  const passport = new passportModule.Authenticator() as unknown as PassportStatic
  auditPassport(passport, { audit, ...options })
  passport.use(
    new LocalStrategy((username, password, done) => {
      accounts
        .findOneBy({ username })
        .then(
          (found) =>
            done(null, false, { message: `${found === null ? 'Unknown user' : 'Wrong password'} (${password})` }),
          done,
        )
    }),
  )
  const app = express()
  app.use(express.json())
  app.use(auditContext({ audit, ...context }))
  app.post('/login', passport.authenticate('local', { session: false }))
  const { url, close } = await serve(app)
  closing.push(close)
  queries.length = 0
  return { browser: new Browser(url), queries, recorded: () => events.of(audit) }
}

describe('guessing passwords', () => {
  it('costs the database nothing beyond what the strategy asks itself, and each guess is on record', async () => {
    const { browser, queries, recorded } = await shop()
    const guess = async (number: number) => {
      const username = number % 2 === 0 ? 'ann' : `user-${number}`
      expect((await browser.post('/login', { username, password: `guess-${number}-canary` })).status).toBe(401)
    }
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(Array.from({ length: 30 }, (_, index) => guess(round * 30 + index)))
    }
    const all = await recorded()
    expect(all).toHaveLength(300)
    expect(queries).toHaveLength(300)
    for (const query of queries) expect(query).toContain('"username" = ?')
    for (const { action, user, reason } of all) {
      expect(action).toBe('USER_LOGIN_FAILED')
      expect(user?.type).toBe('anonymous')
      expect(user).not.toHaveProperty('organisation')
      expect(reason).toBe(user?.username === 'ann' ? 'Wrong password (***)' : 'Unknown user (***)')
    }
    expect(JSON.stringify(all)).not.toContain('canary')
  })

  it('never shows a password, wherever the request carries it', async () => {
    // Everything is let through that could carry one.
    const { browser, recorded } = await shop(
      {},
      {
        body: ['password', 'form.password', 'form.comment'],
        query: ['password', 'next'],
        headers: ['authorization', 'cookie', 'referer'],
      },
    )
    const canary = 'cAnary+9/!x'
    const encoded = encodeURIComponent(canary)
    const form = { password: canary, comment: 'nothing' } as unknown as string
    const headers = {
      authorization: `Basic ${Buffer.from(`ann:${canary}`).toString('base64')}`,
      cookie: `remember=${encoded}`,
      referer: `https://shop.example/login?password=${encoded}`,
    }
    await browser.post(`/login?password=${encoded}&next=/`, { username: 'ann', password: canary, form }, headers)
    await browser.post('/login', { username: canary, password: canary })
    await browser.post('/login', { username: canary, password: '' })
    await browser.post('/login', { username: `ann ${canary}`, password: canary })
    const all = await recorded()
    expect(all).toHaveLength(4)
    const text = JSON.stringify(all)
    for (const form of [canary, encoded, encodeURIComponent(encoded), Buffer.from(canary).toString('base64')]) {
      expect(text).not.toContain(form)
    }
    expect(all.map(({ user }) => user?.username)).toEqual(['ann', '***', '***', 'ann ***'])
  })

  it('lets equal names be counted without showing them', async () => {
    const { browser, recorded } = await shop({ usernames: 'hash', hashKey: 'a key of this test' })
    for (const username of ['ann', 'eve', 'ann']) await browser.post('/login', { username, password: 'ann' })
    const names = (await recorded()).map(({ user }) => user?.username)
    expect(names[0]).toMatch(/^hmac:[0-9a-f]{64}$/)
    expect(names[2]).toBe(names[0])
    expect(names[1]).not.toBe(names[0])
  })

  it('are hashed in every event, those of the functions included, where the setting mask says so', async () => {
    const audit = events.logger({ mask: ['user.username=hash'], maskKey: 'a key of this test' })
    audit.logLoginFailed({ username: 'ann', reason: 'no ann here' })
    audit.logLoginBlocked({ username: 'ann' })
    audit.logLogin({ id: 7, username: 'ann' })
    const all = await events.of(audit)
    const [name, ...others] = all.map(({ user }) => user?.username)
    expect(name).toMatch(/^hmac:[0-9a-f]{64}$/)
    expect(others).toEqual([name, name])
    expect(JSON.stringify(all)).not.toContain('ann')
  })

  it('cannot fill the log with names, or hide behind a password', async () => {
    const { browser, recorded } = await shop()
    await browser.post('/login', { username: 'x'.repeat(90_000), password: 'guess' })
    // Were the password replaced everywhere, a guesser could choose what is not recorded of him.
    await browser.post('/login', { username: 'ann', password: 'vitest' }, { 'user-agent': 'vitest' })
    await browser.post('/login', { username: 'ann', password: '127.0.0.1' })
    const [long, agent, address] = await recorded()
    expect(long?.user?.username).toHaveLength(257)
    expect(agent).toMatchObject({ user: { username: 'ann' }, request: { user_agent: 'vitest', url: '/login' } })
    expect(address?.user?.ip).toContain('127.0.0.1')
  })
})
