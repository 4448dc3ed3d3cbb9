import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LocalCloudWatch, startCloudWatch } from '../../local/cloudwatch'
import type { AuditEvent } from '../../src/event/event'
import { Example, packageProblems } from '../support/example'
import { environmentFor, GROUP, STREAM } from '../support/processes'
import { type RedisServer, startRedisServer } from '../support/redis-server'
import { spawnCli } from '../support/spawn-process'
import { waitFor } from '../support/wait-for'

const PENDING = '{audit-logger}:pending'

let server: RedisServer
let redis: Redis
let endpoint: LocalCloudWatch
let app: Example

beforeAll(async () => {
  ;[server, endpoint] = await Promise.all([startRedisServer(), startCloudWatch()])
  redis = new Redis(server.url)
  app = await Example.start('nestjs', {
    AUDIT_LOGGER_REDIS_URL: server.url,
    // Counted here are the events of the application's story.
    AUDIT_LOGGER_LIFECYCLE_EVENTS: 'false',
  })
})
afterAll(async () => {
  await app?.remove()
  redis?.disconnect()
  await Promise.all([server?.stop(), endpoint?.close()])
})

/** Takes what is on the pending list, once there is as much as expected. */
async function events(count: number): Promise<AuditEvent[]> {
  await waitFor(async () => (await redis.llen(PENDING)) >= count, { what: `${count} events` })
  const lines = await redis.lrange(PENDING, 0, -1)
  await redis.del(PENDING)
  return lines.map((line) => JSON.parse(line) as AuditEvent)
}

async function logIn(username: string, id: string): Promise<Record<string, string>> {
  const { status, body } = await app.call('POST', '/login', { username, password: 'correct horse' })
  expect(status).toBe(200)
  return { authorization: `Bearer ${String(body.token)}`, 'x-request-id': id }
}

const actions = (list: readonly AuditEvent[]) => list.map(({ action }) => action)
const BOB = { pk: '2', type: 'user', username: 'bob', organisation: 'Globex', organisation_id: '2', ip: '127.0.0.1' }

// One story, in order: each part finds the pending list as the one before has left it, empty.
describe('the NestJS example', () => {
  it('logs what it does at its start as the system', async () => {
    for (const event of await events(4)) {
      expect(event).toMatchObject({ action: 'OBJ_CREATE', user: { type: 'system' }, entry_point: 'system' })
    }
  })

  it('logs logins, failed ones with the reason', async () => {
    expect((await app.call('POST', '/login', { username: 'eve', password: 'guessed' })).status).toBe(401)
    await logIn('ada', 'req-1')
    const story = await events(2)
    expect(actions(story)).toEqual(['USER_LOGIN_FAILED', 'USER_LOGIN'])
    expect(story[0]).toMatchObject({ reason: 'unknown user', user: { username: 'eve', type: 'anonymous' } })
    expect(story[1]?.user).toMatchObject({ pk: '1', username: 'ada', organisation: 'Acme Ltd', ip: '127.0.0.1' })
    expect(JSON.stringify(story)).not.toMatch(/guessed|correct horse/)
  })

  it('logs changes with who made them, from where, and what changed', async () => {
    const headers = await logIn('bob', 'req-2')
    const created = await app.call('POST', '/invoices', { number: 'G-1', total: '10.00' }, headers)
    expect(created.status).toBe(201)
    expect((await app.call('PATCH', `/invoices/${created.body.id}`, { total: '12.50' }, headers)).status).toBe(200)
    expect((await app.call('POST', '/invoices', { number: 'G-2', total: '1' })).status).toBe(403)
    expect((await app.call('GET', '/invoices/export', undefined, headers)).status).toBe(200)
    const story = (await events(4)).slice(1)
    expect(actions(story)).toEqual(['OBJ_CREATE', 'OBJ_UPDATE', 'INVOICES_EXPORTED'])
    for (const event of story) {
      expect(event).toMatchObject({ user: BOB, request: { id: 'req-2', user_agent: 'vitest' }, entry_point: 'http' })
    }
    expect(story[1]?.changes).toEqual({ total: { from: '10.00', to: '12.50' } })
    expect(story[1]?.request).toMatchObject({ method: 'PATCH', route: '/invoices/:id' })
  })

  it('logs what a job does as done by whoever asked for it', async () => {
    const headers = await logIn('bob', 'req-3')
    expect((await app.call('POST', '/invoices/1/reminders', undefined, headers)).status).toBe(202)
    const [, event] = await events(2)
    expect(event).toMatchObject({
      action: 'OBJ_UPDATE',
      user: BOB,
      entry_point: 'job',
      changes: { reminders: { from: 0, to: 1 } },
      content: { job: { queue: 'reminders', name: 'remind' } },
    })
    expect(event?.request).toEqual({ id: 'req-3' })
  })

  it('ends on SIGTERM with every event on the list, without a word, and `audit-logger flush` stores them', async () => {
    await logIn('ada', 'req-4')
    app.process.signal('SIGTERM')
    // NestJS sends itself the signal again when all is closed.
    expect(await app.process.waitForExit()).toEqual({ code: null, signal: 'SIGTERM' })
    expect(app.process.stderr, 'loading ES modules from CommonJS is no warning either').toEqual([])
    expect(await redis.llen(PENDING)).toBe(1)
    const flush = spawnCli(['flush', '--json'], { env: environmentFor(server.url, endpoint) })
    expect(await flush.waitForExit()).toEqual({ code: 0, signal: null })
    const stored = endpoint.events(GROUP, STREAM).map(({ message }) => JSON.parse(message) as AuditEvent)
    expect(actions(stored)).toEqual(['USER_LOGIN'])
  })

  it('names the packages it needs, in the versions that are tested', () => {
    expect(packageProblems('nestjs')).toEqual([])
  })
})
