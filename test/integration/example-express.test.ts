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

let directory: string
let server: RedisServer
let redis: Redis
let endpoint: LocalCloudWatch
let app: SpawnedProcess
let url: string

beforeAll(async () => {
  await build()
  directory = compileCopy()
  await promisify(execFile)(process.execPath, [compiler(), '-p', directory]).catch((error: { stdout?: string }) => {
    throw new Error(`The example does not compile:\n${error.stdout}`)
  })
  ;[server, endpoint] = await Promise.all([startRedisServer(), startCloudWatch()])
  redis = new Redis(server.url)
  app = spawnNode(join(directory, 'dist/main.js'), [], {
    env: {
      PORT: '0',
      REDIS_URL: server.url,
      AUDIT_LOGGER_USER_ORGANISATION_FIELD: 'organisation',
      // Counted here are the events of the application's story.
      AUDIT_LOGGER_LIFECYCLE_EVENTS: 'false',
    },
  })
  url = (await app.waitForLine(/listening on/)).replace('listening on ', '')
})

afterAll(async () => {
  await app?.kill()
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

async function call(method: string, path: string, body?: object, token?: string) {
  const response = await fetch(url + path, {
    method,
    headers: {
      'user-agent': 'vitest',
      ...(body && { 'content-type': 'application/json' }),
      ...(token && { authorization: `Bearer ${token}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as Record<string, unknown> }
}

async function logIn(username: string): Promise<string> {
  const { status, body } = await call('POST', '/login', { username, password: 'correct horse' })
  expect(status).toBe(200)
  return String(body.token)
}

/** Takes what is on the pending list, once there is as much as expected. */
async function events(count: number): Promise<AuditEvent[]> {
  await waitFor(async () => (await redis.llen(PENDING)) >= count, {
    what: `${count} events on the pending list`,
  }).catch(async (error: unknown) => {
    throw new Error(`${(await redis.lrange(PENDING, 0, -1)).join('\n')}\n${app.output}`, { cause: error })
  })
  const lines = await redis.lrange(PENDING, 0, -1)
  await redis.del(PENDING)
  return lines.map((line) => JSON.parse(line) as AuditEvent)
}

const actions = (list: readonly AuditEvent[]) => list.map(({ action }) => action)

// One story, in order: each part finds the pending list as the one before has left it, empty.
describe('the Express example', () => {
  it('logs what it does at its start as the system', async () => {
    const seeded = await events(4)
    expect(actions(seeded)).toEqual(['OBJ_CREATE', 'OBJ_CREATE', 'OBJ_CREATE', 'OBJ_CREATE'])
    expect(seeded.map(({ instance }) => `${instance?.model} ${instance?.name}`)).toEqual([
      'Organisation Acme Ltd',
      'User ada',
      'Organisation Globex',
      'User bob',
    ])
    for (const event of seeded) expect(event).toMatchObject({ user: { type: 'system' }, entry_point: 'system' })
    expect(seeded[1]?.changes?.passwordHash).toEqual({ to: '***' })
  })

  it('logs failed logins, with the reason and without the password', async () => {
    expect((await call('POST', '/login', { username: 'ada', password: 'guessed' })).status).toBe(401)
    expect((await call('POST', '/login', { username: 'eve', password: 'guessed' })).status).toBe(401)
    const failed = await events(2)
    const [known, unknown] = failed
    expect(known).toMatchObject({
      action: 'USER_LOGIN_FAILED',
      outcome: 'failure',
      reason: 'wrong password',
      user: { username: 'ada', type: 'anonymous', ip: '127.0.0.1' },
      request: { method: 'POST', url: '/login', user_agent: 'vitest' },
      entry_point: 'http',
    })
    expect(unknown).toMatchObject({ reason: 'unknown user', user: { username: 'eve', type: 'anonymous' } })
    expect(JSON.stringify(failed)).not.toContain('guessed')
  })

  it('logs a login and the custom event after it', async () => {
    const token = await logIn('ada')
    expect((await call('POST', '/logout', undefined, token)).status).toBe(204)
    const story = await events(3)
    expect(actions(story)).toEqual(['USER_LOGIN', 'ORGANISATION_LOGIN', 'USER_LOGOUT'])
    for (const event of story) {
      expect(event.user).toMatchObject({ pk: '1', type: 'user', username: 'ada', organisation: 'Acme Ltd' })
    }
    expect(story[1]?.instance).toMatchObject({ model: 'Organisation', pk: '1', name: 'Acme Ltd' })
    expect(JSON.stringify(story)).not.toContain(token)
  })

  it('logs changes with who made them, from where, and what changed', async () => {
    const token = await logIn('bob')
    const created = await call('POST', '/invoices', { number: 'G-1', total: '10.00' }, token)
    expect(created.status).toBe(201)
    const id = created.body.id
    expect((await call('PATCH', `/invoices/${id}`, { total: '12.50' }, token)).status).toBe(200)
    expect((await call('PATCH', `/invoices/${id}`, { total: '12.50' }, token)).status).toBe(200)
    expect((await call('DELETE', `/invoices/${id}`, undefined, token)).status).toBe(204)
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
    expect(story[1]?.request).toMatchObject({ method: 'PATCH', url: `/invoices/${id}` })
    expect(story[2]?.content).toMatchObject({ soft: true })
  })

  it('logs nothing of a request that is refused or rolled back', async () => {
    const token = await logIn('bob')
    await events(2)
    expect((await call('POST', '/invoices', { number: 'X', total: '1' })).status).toBe(401)
    const twice = [
      { number: 'G-2', total: '1.00' },
      { number: 'G-2', total: '2.00' },
    ]
    expect((await call('POST', '/invoices/import', twice, token)).status).toBe(409)
    expect((await call('DELETE', '/invoices/999', undefined, token)).status).toBe(404)
    expect((await call('GET', '/invoices/export', undefined, token)).status).toBe(200)
    const story = await events(1)
    expect(actions(story)).toEqual(['INVOICES_EXPORTED'])
    expect(story[0]?.content).toEqual({ format: 'json', rows: 0 })
  })

  it('numbers the events of one transaction', async () => {
    const token = await logIn('ada')
    const rows = [
      { number: 'A-7', total: '7.00' },
      { number: 'A-8', total: '8.00' },
    ]
    expect((await call('POST', '/invoices/import', rows, token)).status).toBe(201)
    const [first, second] = (await events(4)).slice(2)
    expect(first?.transaction).toEqual({ id: expect.any(String), n: 1 })
    expect(second?.transaction).toEqual({ id: first?.transaction?.id, n: 2 })
  })

  it('keeps requests apart that run at the same time', async () => {
    const [ada, bob] = [await logIn('ada'), await logIn('bob')]
    await events(4)
    const exports = Array.from({ length: 20 }, (_, index) =>
      call('GET', `/invoices/export?n=${index}`, undefined, index % 2 === 0 ? ada : bob),
    )
    await Promise.all(exports)
    for (const { user, request } of await events(20)) {
      const index = Number(new URL(String(request?.url), url).searchParams.get('n'))
      expect(user?.username).toBe(index % 2 === 0 ? 'ada' : 'bob')
    }
  })

  it('ends on SIGTERM with every event on the list, and `audit-logger flush` stores them', async () => {
    await logIn('ada')
    app.signal('SIGTERM')
    expect(await app.waitForExit()).toEqual({ code: 0, signal: null })
    expect(app.output).toContain('ended, with every event on the pending list')
    const pending = await redis.lrange(PENDING, 0, -1)
    expect(pending).toHaveLength(2)
    const flush = spawnCli(['flush', '--json'], {
      env: {
        REDIS_URL: server.url,
        AUDIT_LOGGER_ENDPOINT: endpoint.url,
        AUDIT_LOGGER_REGION: 'eu-central-1',
        AUDIT_LOGGER_KEY_ID: 'AKIAINVENTED',
        AUDIT_LOGGER_SECRET_ACCESS_KEY: 'invented',
        AUDIT_LOGGER_GROUP_NAME: '/shop/audit',
        AUDIT_LOGGER_STREAM_NAME: 'example',
      },
    })
    expect(await flush.waitForExit()).toEqual({ code: 0, signal: null })
    expect(JSON.parse(flush.stdout.at(-1) ?? '')).toMatchObject({ outcome: 'ok', stored: 2 })
    expect(endpoint.events('/shop/audit', 'example').map(({ message }) => message)).toEqual(pending)
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
