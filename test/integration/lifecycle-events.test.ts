import { Redis } from 'ioredis'
import { DataSource } from 'typeorm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AuditLoggerOptions } from '../../config/settings'
import { AuditLogger } from '../../src/audit-logger'
import { runWithContext } from '../../src/context/context'
import type { AuditEvent } from '../../src/event/event'
import { keptLogger } from '../support/kept-logger'
import { type RedisServer, startRedisServer } from '../support/redis-server'
import { waitFor } from '../support/wait-for'

let server: RedisServer
let redis: Redis
let loggers: AuditLogger[]

beforeEach(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url, { maxRetriesPerRequest: null })
  redis.on('error', () => undefined)
  loggers = []
})
afterEach(async () => {
  await Promise.all(loggers.map((logger) => logger.close()))
  redis.disconnect()
  await server.stop()
})

function auditWith(options: AuditLoggerOptions = {}): AuditLogger {
  const audit = new AuditLogger({ redis: server.url, logger: keptLogger(), ...options })
  loggers.push(audit)
  return audit
}

async function events(): Promise<AuditEvent[]> {
  return (await redis.lrange('{audit-logger}:pending', 0, -1)).map((line) => JSON.parse(line) as AuditEvent)
}
const actions = async () => (await events()).map(({ action }) => action)

describe('start and stop of capture', () => {
  it('are on record around what is captured, from the first data source to close()', async () => {
    const audit = auditWith()
    audit.attach(new DataSource({ type: 'sqljs' })).attach(new DataSource({ type: 'sqljs' }))
    await audit.flush()
    expect(await actions()).toEqual(['AUDIT_STARTED'])
    audit.sendLog('A')
    await audit.close()
    expect(await actions()).toEqual(['AUDIT_STARTED', 'A', 'AUDIT_STOPPED'])
  })

  it('begin with the first event where no data source is attached, and nobody is blamed for them', async () => {
    const audit = auditWith()
    runWithContext({ user: { id: 7, username: 'ada' }, request: { id: 'r-1' } }, () => audit.sendLog('A'))
    await audit.close()
    const [started, a, stopped] = await events()
    expect(a).toMatchObject({ action: 'A', user: { username: 'ada' } })
    for (const event of [started, stopped]) {
      expect(event).toMatchObject({ v: 1, user: { type: 'system' }, entry_point: 'system', outcome: 'success' })
      expect(event).not.toHaveProperty('request')
    }
  })

  it('tell version, process and settings, and no secret of theirs', async () => {
    const url = server.url.replace('//', '//default:@')
    const audit = auditWith({ redis: `${url}`, models: ['Invoice'], actorResolver: () => undefined })
    audit.sendLog('A')
    await audit.close()
    const [started, , stopped] = await events()
    for (const event of [started, stopped]) {
      expect(event?.content).toMatchObject({
        part: 'capture',
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        pid: process.pid,
        settings: { models: ['Invoice'], prefix: 'audit-logger', actorResolver: '(in code)', bufferEvents: 100_000 },
      })
      expect(event?.content?.settings).toHaveProperty('redis', server.url.replace('//', '//***@'))
      expect(event?.content?.settings).not.toHaveProperty('groupName')
    }
  })

  it('are not recorded by a logger that did nothing, is switched off, or was asked not to', async () => {
    await auditWith().close()
    const off = auditWith({ enabled: false }).attach(new DataSource({ type: 'sqljs' }))
    off.sendLog('A')
    await off.close()
    const silent = auditWith({ lifecycleEvents: false, prefix: 'audit-logger' })
    silent.sendLog('B')
    await silent.close()
    expect(await actions()).toEqual(['B'])
    expect(await redis.keys('*settings*')).toEqual([])
  })
})

describe('changed settings', () => {
  const run = async (options: AuditLoggerOptions) => {
    const audit = auditWith(options)
    audit.sendLog('A')
    await audit.close()
  }
  const changes = async () => (await events()).filter(({ action }) => action === 'AUDIT_SETTINGS_CHANGED')

  it('are one event with what they were and are, and the same settings again are none', async () => {
    await run({})
    await run({})
    expect(await changes()).toEqual([])
    await run({ models: 'all', exclude: ['Session'] })
    await run({ models: 'all', exclude: ['Session'] })
    expect(await changes()).toMatchObject([
      {
        content: { part: 'capture' },
        user: { type: 'system' },
        changes: { models: { from: 'decorated', to: 'all' }, exclude: { from: [], to: ['Session'] } },
      },
    ])
    await run({})
    expect(await changes()).toHaveLength(2)
  })

  it('are told by one of many processes that start with them at once', async () => {
    await run({})
    await Promise.all(Array.from({ length: 12 }, () => run({ stack: true })))
    expect(await changes()).toMatchObject([{ changes: { stack: { from: false, to: true } } }])
  })

  it('are noticed even when Redis holds something else in their place', async () => {
    await redis.set('{audit-logger}:capture:settings', 'not JSON')
    await run({})
    expect(await changes()).toHaveLength(1)
  })

  it('keep no secret in Redis', async () => {
    await redis.config('SET', 'requirepass', 'hunter2')
    await run({ redis: server.url.replace('//', '//:hunter2@') })
    const kept = await redis.get('{audit-logger}:capture:settings')
    expect(kept).toContain('***@')
    expect(JSON.stringify(await events())).not.toContain('hunter2')
    expect(kept).not.toContain('hunter2')
  })

  it('are told once Redis is back, when it was gone at the start', async () => {
    await run({})
    await server.kill()
    const audit = auditWith({ stack: true })
    audit.sendLog('B')
    await server.restart()
    await audit.flush()
    // Without persistence Redis has forgotten what it knew: nothing is said to have changed.
    await waitFor(async () => (await redis.get('{audit-logger}:capture:settings')) !== null, { what: 'the note' })
    expect(await changes()).toEqual([])
    expect(JSON.parse((await redis.get('{audit-logger}:capture:settings')) ?? '')).toMatchObject({ stack: true })
  })
})
