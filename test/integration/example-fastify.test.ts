import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuditEvent } from '../../src/event/event'
import { Example, packageProblems } from '../support/example'
import { type RedisServer, startRedisServer } from '../support/redis-server'
import { waitFor } from '../support/wait-for'

const PENDING = '{audit-logger}:pending'

let server: RedisServer
let redis: Redis
let app: Example

beforeAll(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url)
  app = await Example.start('fastify', {
    REDIS_URL: server.url,
    AUDIT_LOGGER_USER_ORGANISATION_FIELD: 'organisation',
    // Counted here are the events of the application's story.
    AUDIT_LOGGER_LIFECYCLE_EVENTS: 'false',
  })
})
afterAll(async () => {
  await app?.remove()
  redis?.disconnect()
  await server?.stop()
})

/** Takes what is on the pending list, once there is as much as expected. */
async function events(count: number): Promise<AuditEvent[]> {
  await waitFor(async () => (await redis.llen(PENDING)) >= count, { what: `${count} events` })
  const lines = await redis.lrange(PENDING, 0, -1)
  await redis.del(PENDING)
  return lines.map((line) => JSON.parse(line) as AuditEvent)
}

async function logIn(username: string): Promise<Record<string, string>> {
  const { status, body } = await app.call('POST', '/login', { username, password: 'correct horse' })
  expect(status).toBe(200)
  return { authorization: `Bearer ${String(body.token)}` }
}

const actions = (list: readonly AuditEvent[]) => list.map(({ action }) => action)

// One story, in order: each part finds the pending list as the one before has left it, empty.
describe('the Fastify example', () => {
  it('logs what it does at its start as the system', async () => {
    for (const event of await events(4)) {
      expect(event).toMatchObject({ action: 'OBJ_CREATE', user: { type: 'system' }, entry_point: 'system' })
    }
  })

  it('logs logins, failed ones with the reason, and logouts', async () => {
    expect((await app.call('POST', '/login', { username: 'ada', password: 'guessed' })).status).toBe(401)
    const headers = await logIn('ada')
    expect((await app.call('POST', '/logout', undefined, headers)).status).toBe(204)
    const story = await events(3)
    expect(actions(story)).toEqual(['USER_LOGIN_FAILED', 'USER_LOGIN', 'USER_LOGOUT'])
    expect(story[0]).toMatchObject({ reason: 'wrong password', user: { username: 'ada', type: 'anonymous' } })
    for (const event of story.slice(1)) expect(event.user).toMatchObject({ pk: '1', username: 'ada', ip: '127.0.0.1' })
    expect(JSON.stringify(story)).not.toMatch(/guessed|correct horse/)
  })

  it('logs changes with who made them, from where, and what changed', async () => {
    const headers = { ...(await logIn('bob')), 'x-request-id': 'req-7' }
    const created = await app.call('POST', '/invoices', { number: 'G-1', total: '10.00' }, headers)
    expect(created.status).toBe(201)
    const path = `/invoices/${created.body.id}`
    expect((await app.call('PATCH', `${path}?status=open&other=1`, { total: '12.50' }, headers)).status).toBe(200)
    expect((await app.call('POST', '/invoices', { number: 'G-1', total: '1' }, headers)).status).toBe(409)
    expect((await app.call('POST', '/invoices', { number: 'G-2', total: '1' })).status).toBe(401)
    const story = (await events(3)).slice(1)
    expect(actions(story)).toEqual(['OBJ_CREATE', 'OBJ_UPDATE'])
    for (const event of story) {
      expect(event).toMatchObject({
        user: { pk: '2', username: 'bob', organisation: 'Globex', organisation_id: '2', ip: '127.0.0.1' },
        request: { id: 'req-7', user_agent: 'vitest' },
        entry_point: 'http',
      })
    }
    expect(story[1]?.changes).toEqual({ total: { from: '10.00', to: '12.50' } })
    expect(story[1]?.request).toMatchObject({ method: 'PATCH', route: '/invoices/:id', query: { status: 'open' } })
  })

  it('keeps requests apart that run at the same time', async () => {
    const [ada, bob] = [await logIn('ada'), await logIn('bob')]
    await events(2)
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        app.call('GET', `/invoices/export?status=${index}`, undefined, index % 2 === 0 ? ada : bob),
      ),
    )
    for (const { user, request } of await events(20)) {
      const { status } = (request?.query ?? {}) as { status?: string }
      expect(user?.username).toBe(Number(status) % 2 === 0 ? 'ada' : 'bob')
    }
  })

  it('ends on SIGTERM with every event on the list, and has said nothing it need not', async () => {
    await logIn('ada')
    app.process.signal('SIGTERM')
    expect(await app.process.waitForExit()).toEqual({ code: 0, signal: null })
    expect(app.process.output).toContain('ended, with every event on the pending list')
    expect(app.process.stderr).toEqual([])
    expect(actions(await events(1))).toEqual(['USER_LOGIN'])
  })

  it('names the packages it needs, in the versions that are tested', () => {
    expect(packageProblems('fastify')).toEqual([])
  })
})
