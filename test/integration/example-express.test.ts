import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LocalCloudWatch, startCloudWatch } from '../../local/cloudwatch'
import type { AuditEvent } from '../../src/event/event'
import { type RedisServer, startRedisServer } from '../support/redis-server'
import { build } from '../support/shared'
import { ROOT, type SpawnedProcess, spawnCli, spawnNode } from '../support/spawn-process'
import { waitFor } from '../support/wait-for'

const EXAMPLE = join(ROOT, 'examples/express')
const PENDING = '{audit-logger}:pending'

const GROUP = '/shop/audit'
const STREAM = 'example'

let directory: string
let server: RedisServer
let redis: Redis
let endpoint: LocalCloudWatch
let app: SpawnedProcess
let worker: SpawnedProcess
let url: string
/** How many of the stored events a test has looked at. */
let seen = 0

beforeAll(async () => {
  await build()
  directory = compileCopy()
  await promisify(execFile)(process.execPath, [compiler(), '-p', directory]).catch((error: { stdout?: string }) => {
    throw new Error(`The example does not compile:\n${error.stdout}`)
  })
  ;[server, endpoint] = await Promise.all([startRedisServer(), startCloudWatch()])
  endpoint.ensure(GROUP, STREAM)
  redis = new Redis(server.url)
  // Counted here are the events of the application's story.
  const env = { REDIS_URL: server.url, AUDIT_LOGGER_LIFECYCLE_EVENTS: 'false' }
  app = spawnNode(join(directory, 'dist/main.js'), [], {
    env: { ...env, PORT: '0', AUDIT_LOGGER_USER_ORGANISATION_FIELD: 'organisation' },
  })
  worker = spawnCli(['worker'], {
    env: {
      ...env,
      LOG_INTERVAL: '0.005',
      AUDIT_LOGGER_ENDPOINT: endpoint.url,
      AUDIT_LOGGER_REGION: 'eu-central-1',
      AUDIT_LOGGER_KEY_ID: 'AKIAINVENTED',
      AUDIT_LOGGER_SECRET_ACCESS_KEY: 'invented',
      AUDIT_LOGGER_GROUP_NAME: GROUP,
      AUDIT_LOGGER_STREAM_NAME: STREAM,
    },
  })
  url = (await app.waitForLine(/listening on/)).replace('listening on ', '')
})

afterAll(async () => {
  await Promise.all([app?.kill(), worker?.kill()])
  redis?.disconnect()
  await Promise.all([server?.stop(), endpoint?.close()])
  rmSync(directory, { recursive: true, force: true })
})

/** Below the repository but outside of the example's own package: `typeorm-audit-logger` is then this package itself. */
function compileCopy(): string {
  mkdirSync(join(ROOT, '.cache'), { recursive: true })
  const copy = mkdtempSync(join(ROOT, '.cache', 'example-express-'))
  for (const name of ['src', 'tsconfig.json']) cpSync(join(EXAMPLE, name), join(copy, name), { recursive: true })
  return copy
}

function compiler(): string {
  const require = createRequire(join(ROOT, 'package.json'))
  return join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
}

/** A browser: it keeps the cookie of its session. */
class Client {
  #cookie: string | undefined

  async call(method: string, path: string, body?: object) {
    const response = await fetch(url + path, {
      method,
      headers: {
        'user-agent': 'vitest',
        ...(body && { 'content-type': 'application/json' }),
        ...(this.#cookie !== undefined && { cookie: this.#cookie }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    this.#cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? this.#cookie
    const json = response.headers.get('content-type')?.includes('json') === true
    return { status: response.status, body: (json ? JSON.parse(text) : {}) as Record<string, unknown> }
  }
}

async function logIn(username: string, password = 'correct horse'): Promise<Client> {
  const client = new Client()
  expect((await client.call('POST', '/login', { username, password })).status).toBe(200)
  return client
}

/** The next events in CloudWatch, once there are as many as expected. */
async function events(count: number): Promise<AuditEvent[]> {
  const stored = () => endpoint.events(GROUP, STREAM).slice(seen)
  await waitFor(() => stored().length >= count, {
    what: `${count} more events in CloudWatch`,
    timeoutMs: 30_000,
  }).catch((error: unknown) => {
    const lines = stored().map(({ message }) => message)
    throw new Error(`${lines.join('\n')}\n${app.output}\n${worker.output}`, { cause: error })
  })
  const messages = stored().map(({ message }) => JSON.parse(message) as AuditEvent)
  seen += messages.length
  return messages
}

const actions = (list: readonly AuditEvent[]) => list.map(({ action }) => action)

// One story, in order: each part begins where the one before has ended.
describe('the Express example', () => {
  it('logs what it does at its start as the system', async () => {
    const seeded = await events(6)
    expect(seeded.map(({ action, instance }) => `${action} ${instance?.model} ${instance?.name}`)).toEqual([
      'OBJ_CREATE Organisation Acme Ltd',
      'OBJ_CREATE User ada',
      'OBJ_CREATE Organisation Globex',
      'OBJ_CREATE User bob',
      'OBJ_CREATE Organisation Support',
      'OBJ_CREATE User sam',
    ])
    for (const event of seeded) expect(event).toMatchObject({ user: { type: 'system' }, entry_point: 'system' })
    expect(seeded[1]?.changes?.passwordHash).toEqual({ to: '***' })
  })

  it('logs failed logins, with the reason and without the password, and those that are blocked', async () => {
    const client = new Client()
    for (const username of ['ada', 'eve', 'eve', 'eve', 'eve']) {
      expect((await client.call('POST', '/login', { username, password: 'guessed' })).status).toBe(401)
    }
    const failed = await events(5)
    const [known, unknown] = failed
    expect(known).toMatchObject({
      action: 'USER_LOGIN_FAILED',
      outcome: 'failure',
      reason: 'wrong password',
      user: { username: 'ada', type: 'anonymous', ip: '127.0.0.1' },
      content: { method: 'password', strategy: 'local' },
      request: { method: 'POST', url: '/login', route: '/login', user_agent: 'vitest' },
      entry_point: 'http',
    })
    expect(unknown).toMatchObject({ reason: 'unknown user', user: { username: 'eve', type: 'anonymous' } })
    expect(failed[4]).toMatchObject({
      action: 'USER_LOGIN_BLOCKED',
      reason: 'too many failures',
      user: { username: 'eve' },
    })
    expect(JSON.stringify(failed)).not.toContain('guessed')
  })

  it('logs a login, the custom event after it, a changed password and the logout', async () => {
    const ada = await logIn('ada')
    const change = { old: 'correct horse', wanted: 'battery staple' }
    expect((await ada.call('POST', '/password', change)).status).toBe(204)
    expect((await ada.call('POST', '/logout')).status).toBe(204)
    expect((await ada.call('POST', '/logout')).status).toBe(204)
    expect((await ada.call('POST', '/password', change)).status).toBe(401)
    const story = await events(5)
    expect(actions(story)).toEqual([
      'USER_LOGIN',
      'ORGANISATION_LOGIN',
      'OBJ_UPDATE',
      'PASSWORD_CHANGED',
      'USER_LOGOUT',
    ])
    for (const event of story) {
      expect(event.user).toMatchObject({ pk: '1', type: 'user', username: 'ada', organisation: 'Acme Ltd' })
    }
    expect(story[0]?.content).toEqual({ method: 'password', strategy: 'local' })
    expect(story[1]?.instance).toMatchObject({ model: 'Organisation', pk: '1', name: 'Acme Ltd' })
    expect(story[2]?.changes).toEqual({ passwordHash: { from: '***', to: '***' } })
    expect(story[3]).toMatchObject({ instance: { model: 'User', pk: '1' }, content: { account: { username: 'ada' } } })
    expect(JSON.stringify(story)).not.toMatch(/correct horse|battery staple/)
    await logIn('ada', 'battery staple')
    expect(actions(await events(2))).toEqual(['USER_LOGIN', 'ORGANISATION_LOGIN'])
  })

  it('logs changes with who made them, from where, and what changed', async () => {
    const bob = await logIn('bob')
    const created = await bob.call('POST', '/invoices', { number: 'G-1', total: '10.00' })
    expect(created.status).toBe(201)
    const id = created.body.id
    expect((await bob.call('PATCH', `/invoices/${id}`, { total: '12.50' })).status).toBe(200)
    expect((await bob.call('PATCH', `/invoices/${id}`, { total: '12.50' })).status).toBe(200)
    expect((await bob.call('DELETE', `/invoices/${id}`)).status).toBe(204)
    const story = (await events(5)).slice(2)
    expect(actions(story)).toEqual(['OBJ_CREATE', 'OBJ_UPDATE', 'OBJ_DELETE'])
    for (const event of story) {
      expect(event.instance).toMatchObject({ model: 'Invoice', table: 'invoice', pk: String(id), name: 'G-1' })
      expect(event.user).toMatchObject({
        username: 'bob',
        organisation: 'Globex',
        organisation_id: '2',
        ip: '127.0.0.1',
      })
    }
    expect(story[1]?.changes).toEqual({ total: { from: '10.00', to: '12.50' } })
    expect(story[1]?.request).toMatchObject({ method: 'PATCH', url: `/invoices/${id}`, route: '/invoices/:id' })
    expect(story[2]?.content).toMatchObject({ soft: true })
  })

  it('logs who is behind what is done from an account that was taken on', async () => {
    const sam = await logIn('sam')
    const bob = await logIn('bob')
    await events(4)
    expect((await bob.call('POST', '/impersonation', { username: 'ada', reason: 'curious' })).status).toBe(403)
    expect((await sam.call('POST', '/impersonation', { username: 'ada', reason: 'ticket 4711' })).status).toBe(204)
    expect((await sam.call('GET', '/invoices/export')).status).toBe(200)
    expect((await bob.call('GET', '/invoices/export')).status).toBe(200)
    expect((await sam.call('DELETE', '/impersonation')).status).toBe(204)
    expect((await sam.call('GET', '/invoices/export')).status).toBe(200)
    expect((await sam.call('POST', '/impersonation', { username: 'bob', reason: 'again' })).status).toBe(204)
    expect((await sam.call('POST', '/logout')).status).toBe(204)
    const story = (await events(8)).map(({ action, user }) => [action, user?.username, user?.impersonator?.username])
    expect(story).toEqual([
      ['IMPERSONATION_STARTED', 'sam', undefined],
      ['INVOICES_EXPORTED', 'ada', 'sam'],
      ['INVOICES_EXPORTED', 'bob', undefined],
      ['IMPERSONATION_ENDED', 'sam', undefined],
      ['INVOICES_EXPORTED', 'sam', undefined],
      ['IMPERSONATION_STARTED', 'sam', undefined],
      ['IMPERSONATION_ENDED', 'sam', undefined],
      ['USER_LOGOUT', 'sam', undefined],
    ])
  })

  it('logs nothing of a request that is refused or rolled back', async () => {
    const bob = await logIn('bob')
    await events(2)
    expect((await new Client().call('POST', '/invoices', { number: 'X', total: '1' })).status).toBe(401)
    const twice = [
      { number: 'G-2', total: '1.00' },
      { number: 'G-2', total: '2.00' },
    ]
    expect((await bob.call('POST', '/invoices/import', twice)).status).toBe(409)
    expect((await bob.call('DELETE', '/invoices/999')).status).toBe(404)
    expect((await bob.call('GET', '/invoices/export')).status).toBe(200)
    const story = await events(1)
    expect(actions(story)).toEqual(['INVOICES_EXPORTED'])
    expect(story[0]?.content).toEqual({ format: 'json', rows: 0 })
  })

  it('numbers the events of one transaction', async () => {
    const bob = await logIn('bob')
    const rows = [
      { number: 'A-7', total: '7.00' },
      { number: 'A-8', total: '8.00' },
    ]
    expect((await bob.call('POST', '/invoices/import', rows)).status).toBe(201)
    const [first, second] = (await events(4)).slice(2)
    expect(first?.transaction).toEqual({ id: expect.any(String), n: 1 })
    expect(second?.transaction).toEqual({ id: first?.transaction?.id, n: 2 })
  })

  it('keeps requests apart that run at the same time', async () => {
    const [ada, bob] = [await logIn('ada', 'battery staple'), await logIn('bob')]
    await events(4)
    const exports = Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? ada : bob).call('GET', `/invoices/export?n=${index}`),
    )
    await Promise.all(exports)
    for (const { user, request } of await events(20)) {
      const index = Number(new URL(String(request?.url), url).searchParams.get('n'))
      expect(user?.username).toBe(index % 2 === 0 ? 'ada' : 'bob')
    }
  })

  it('ends on SIGTERM with every event on the list, and the worker stores them', async () => {
    await waitFor(async () => (await redis.llen(PENDING)) === 0, { what: 'the list to be settled' })
    worker.signal('SIGSTOP')
    await logIn('bob')
    app.signal('SIGTERM')
    expect(await app.waitForExit()).toEqual({ code: 0, signal: null })
    expect(app.output).toContain('ended, with every event on the pending list')
    const pending = await redis.lrange(PENDING, 0, -1)
    expect(pending).toHaveLength(2)
    worker.signal('SIGCONT')
    expect(await events(2)).toEqual(pending.map((line) => JSON.parse(line)))
  })
})

describe("the Express example's package.json", () => {
  const own = readJson(join(EXAMPLE, 'package.json'))
  const root = readJson(join(ROOT, 'package.json'))

  it('names every package that the example imports', () => {
    const sources = readdirSync(join(EXAMPLE, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('.ts'),
    )
    const imported = sources
      .flatMap((path) => [...readFileSync(join(EXAMPLE, 'src', path), 'utf8').matchAll(/(?:from|import) '([^'.]+)'/g)])
      .map(([, name = '']) => name)
      .filter((name) => !name.startsWith('node:'))
      .map((name) => name.replace(/^typeorm-audit-logger\/.*/, 'typeorm-audit-logger'))
    expect(imported).toContain('typeorm-audit-logger')
    for (const name of new Set(imported)) expect(own.dependencies).toHaveProperty([name])
  })

  it('asks for the versions that are tested here, and for this version of the package with its peers', () => {
    const tested = { ...root.peerDependencies, ...root.dependencies, ...root.devDependencies }
    const { 'typeorm-audit-logger': self, ...others } = { ...own.dependencies, ...own.devDependencies }
    expect(self).toBe(`^${root.version}`)
    for (const [name, version] of Object.entries(others)) expect([name, version]).toEqual([name, tested[name]])
    const optional = root.peerDependenciesMeta ?? {}
    for (const peer of Object.keys(root.peerDependencies ?? {})) {
      if (!optional[peer]?.optional) expect(own.dependencies).toHaveProperty([peer])
    }
  })
})

interface Package {
  version: string
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  peerDependenciesMeta?: Record<string, { optional?: boolean }>
}

function readJson(path: string): Package {
  return JSON.parse(readFileSync(path, 'utf8')) as Package
}
