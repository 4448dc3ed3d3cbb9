import express from 'express'
import { DataSource, EntitySchema } from 'typeorm'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { auditContext } from '../../../src/context/adapters/express'
import { runWithContext } from '../../../src/context/context'
import { LoginEvents, serve } from '../../support/login-events'

class Account {
  id!: number
  username!: string
  note!: string
}

const AccountSchema = new EntitySchema<Account>({
  name: 'Account',
  target: Account,
  columns: {
    id: { type: 'integer', primary: true },
    username: { type: 'text' },
    note: { type: 'text', default: '' },
  },
})

const account = (id: number, username: string) => Object.assign(new Account(), { id, username, note: '' })
const ADMIN = account(1, 'admin')
const ANN = account(7, 'ann')
const BEHIND = { pk: '1', type: 'user', username: 'admin' }

const isBob = (query: unknown) => (query as { who?: string }).who === 'bob'

let events: LoginEvents
let dataSource: DataSource
const closing: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  events = await LoginEvents.start()
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})
afterAll(() => events?.stop())

async function database(): Promise<DataSource> {
  dataSource = new DataSource({ type: 'sqljs', entities: [AccountSchema], synchronize: true })
  closing.push(() => dataSource.destroy())
  return dataSource.initialize()
}

describe('impersonate', () => {
  it('tells who is behind on everything between start and end, changes in the database included', async () => {
    const audit = events.logger({ models: 'all' })
    const { manager } = await database()
    audit.attach(dataSource)
    await runWithContext({ user: ADMIN, entryPoint: 'http' }, async () => {
      const result = await audit.impersonate(
        ANN,
        async () => {
          await manager.save(ANN)
          audit.sendLog('NOTE', { about: 'it' })
          audit.logLoginFailed({ username: 'eve' })
          return 'done'
        },
        { reason: 'ticket 4711' },
      )
      expect(result).toBe('done')
      audit.sendLog('AFTER')
    })
    const [started, saved, noted, failed, ended, after, ...others] = await events.of(audit)
    expect(started).toMatchObject({
      action: 'IMPERSONATION_STARTED',
      reason: 'ticket 4711',
      user: BEHIND,
      instance: { model: 'Account', pk: '7' },
      content: { impersonated: { pk: '7', type: 'user', username: 'ann' } },
    })
    expect(started?.user).not.toHaveProperty('impersonator')
    expect(saved).toMatchObject({ action: 'OBJ_CREATE', user: { pk: '7', username: 'ann', impersonator: BEHIND } })
    expect(noted).toMatchObject({ action: 'NOTE', user: { pk: '7', impersonator: BEHIND } })
    expect(failed).toMatchObject({ user: { type: 'anonymous', username: 'eve', impersonator: BEHIND } })
    expect(ended).toMatchObject({ action: 'IMPERSONATION_ENDED', user: BEHIND, content: { impersonated: { pk: '7' } } })
    expect(after).toMatchObject({ action: 'AFTER', user: { pk: '1' } })
    expect(after?.user).not.toHaveProperty('impersonator')
    expect(others).toEqual([])
  })

  it('ends when the function fails, and gives its error on', async () => {
    const audit = events.logger()
    const fails = async (): Promise<void> => {
      throw new Error('broken')
    }
    const throws = (): void => {
      throw new Error('broken')
    }
    await runWithContext({ user: ADMIN }, async () => {
      await expect(audit.impersonate(ANN, fails)).rejects.toThrow('broken')
      expect(() => audit.impersonate(ANN, throws)).toThrow('broken')
    })
    expect((await events.of(audit)).map(({ action }) => action)).toEqual([
      'IMPERSONATION_STARTED',
      'IMPERSONATION_ENDED',
      'IMPERSONATION_STARTED',
      'IMPERSONATION_ENDED',
    ])
  })

  it('lasts without a function until it is ended, once, and names the same person through a second one', async () => {
    const audit = events.logger()
    runWithContext({ user: ADMIN }, () => {
      const end = audit.impersonate(ANN)
      audit.sendLog('ONE')
      audit.impersonate(account(8, 'bob'), () => audit.sendLog('TWO'))
      audit.sendLog('THREE')
      end()
      end()
      audit.sendLog('FOUR')
    })
    const told = (await events.of(audit)).map(({ action, user }) => [action, user?.pk, user?.impersonator?.pk])
    expect(told).toEqual([
      ['IMPERSONATION_STARTED', '1', undefined],
      ['ONE', '7', '1'],
      ['IMPERSONATION_STARTED', '1', undefined],
      ['TWO', '8', '1'],
      ['IMPERSONATION_ENDED', '1', undefined],
      ['THREE', '7', '1'],
      ['IMPERSONATION_ENDED', '1', undefined],
      ['FOUR', '1', undefined],
    ])
  })

  it('runs the function with a logger that is disabled, and for nobody, of which the event tells', async () => {
    const disabled = events.logger({ enabled: false })
    expect(disabled.impersonate(ANN, () => 5)).toBe(5)
    disabled.impersonate(ANN)()
    expect(await events.of(disabled)).toEqual([])
    const audit = events.logger({ logger: { debug() {}, info() {}, warn() {}, error() {} } })
    expect(audit.impersonate(ANN, () => 6)).toBe(6)
    expect(await events.of(audit)).toMatchObject([
      { action: 'IMPERSONATION_STARTED', outcome: 'failure', reason: 'nobody is known who does it' },
      { action: 'IMPERSONATION_ENDED', outcome: 'failure' },
    ])
  })
})

describe('impersonation over requests', () => {
  it('is told by the middleware from the session, also when requests run at the same time', async () => {
    const audit = events.logger({
      actorResolver: (user) => (user instanceof Account ? { username: user.username.toUpperCase() } : undefined),
    })
    let impersonating: Account | undefined
    const app = express()
    app.use(
      auditContext({
        user: ({ query }) => (isBob(query) ? account(8, 'bob') : (impersonating ?? ADMIN)),
        impersonator: ({ query }) => (impersonating && !isBob(query) ? ADMIN : undefined),
      }),
    )
    app.post('/start', (_request, response) => {
      audit.logImpersonationStarted(ANN, { reason: 'ticket 4711' })
      impersonating = ANN
      response.end()
    })
    app.post('/end', (_request, response) => {
      audit.logImpersonationEnded()
      impersonating = undefined
      response.end()
    })
    app.get('/work', async (_request, response) => {
      await new Promise((resolve) => setImmediate(resolve))
      audit.sendLog('WORK')
      response.end()
    })
    const { url, close } = await serve(app)
    closing.push(close)
    await fetch(`${url}/start`, { method: 'POST' })
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => fetch(`${url}/work?who=${index % 2 === 0 ? 'admin' : 'bob'}`)),
    )
    await fetch(`${url}/end`, { method: 'POST' })
    await fetch(`${url}/work`)
    const all = await events.of(audit)
    const behind = { ...BEHIND, username: 'ADMIN' }
    expect(all[0]).toMatchObject({ action: 'IMPERSONATION_STARTED', user: behind, request: { url: '/start' } })
    expect(all.at(-2)).toMatchObject({
      action: 'IMPERSONATION_ENDED',
      user: behind,
      content: { impersonated: { pk: '7' } },
    })
    for (const { user } of all.slice(1, 21)) {
      if (user?.pk === '8') expect(user).not.toHaveProperty('impersonator')
      else expect(user).toMatchObject({ pk: '7', username: 'ANN', impersonator: behind })
    }
    expect(all.slice(1, 21).filter(({ user }) => user?.pk === '8')).toHaveLength(10)
    expect(all.at(-1)?.user).not.toHaveProperty('impersonator')
  })
})

describe('PASSWORD_CHANGED', () => {
  it('tells whose password it is, and who changed it', async () => {
    const audit = events.logger()
    await database()
    audit.attach(dataSource)
    runWithContext({ user: ANN }, () => audit.logPasswordChanged(undefined, { method: 'settings page' }))
    runWithContext({ user: ADMIN }, () => audit.logPasswordChanged(ANN, { reason: 'forgotten' }))
    runWithContext({ request: { method: 'POST', url: '/reset' } }, () =>
      audit.logPasswordChanged(ANN, { method: 'mailed link' }),
    )
    audit.logPasswordChanged('7')
    const [own, others, reset, byKey] = await events.of(audit)
    const ann = { pk: '7', type: 'user', username: 'ann' }
    expect(own).toMatchObject({
      action: 'PASSWORD_CHANGED',
      outcome: 'success',
      user: ann,
      content: { account: ann, method: 'settings page' },
    })
    expect(others).toMatchObject({
      reason: 'forgotten',
      user: BEHIND,
      instance: { model: 'Account', pk: '7' },
      content: { account: ann },
    })
    expect(reset).toMatchObject({ user: ann, request: { url: '/reset' } })
    expect(byKey).toMatchObject({ user: { pk: '7' }, content: { account: { pk: '7', type: 'user' } } })
    expect(byKey).not.toHaveProperty('instance')
  })
})

describe('USER_LOGIN_BLOCKED', () => {
  it('is told like a failed login', async () => {
    const audit = events.logger()
    runWithContext({ user: ADMIN, request: { method: 'POST', url: '/login', ip: '10.0.0.9' } }, () => {
      audit.logLoginBlocked({ username: 'ann', reason: 'ten failures in a minute', method: 'password' })
    })
    expect(await events.of(audit)).toMatchObject([
      {
        action: 'USER_LOGIN_BLOCKED',
        outcome: 'failure',
        reason: 'ten failures in a minute',
        user: { type: 'anonymous', username: 'ann', ip: '10.0.0.9' },
        content: { method: 'password' },
      },
    ])
  })
})
