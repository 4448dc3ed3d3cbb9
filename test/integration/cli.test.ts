import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type LocalCloudWatch, startCloudWatch } from '../../local/cloudwatch'
import { queueKeys } from '../../src/queue/keys'
import { eventLine } from '../support/events'
import { environmentFor, GROUP, STREAM } from '../support/processes'
import { type RedisServer, startRedisServer } from '../support/redis-server'
import { build } from '../support/shared'
import { type SpawnedProcess, spawnCli } from '../support/spawn-process'

const keys = queueKeys('audit-logger')
let server: RedisServer
let redis: Redis
let endpoint: LocalCloudWatch
let env: Record<string, string>

beforeAll(async () => {
  await build()
  server = await startRedisServer()
  redis = new Redis(server.url)
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})
beforeEach(async () => {
  await redis.flushall()
  endpoint = await startCloudWatch()
  env = environmentFor(server.url, endpoint)
  return () => endpoint.close()
})

async function run(args: string[], changes: Record<string, string | undefined> = {}) {
  const process: SpawnedProcess = spawnCli(args, { env: { ...env, ...changes } as Record<string, string> })
  const { code } = await process.waitForExit()
  return { code, out: process.stdout, err: process.stderr, json: () => JSON.parse(process.stdout.join('\n')) }
}

describe('audit-logger flush', () => {
  it('flushes once and exits with 0', async () => {
    const events = [eventLine(), eventLine()]
    await redis.rpush(keys.pending, ...events)
    const { code, out, json } = await run(['flush', '--json'])
    expect(code).toBe(0)
    expect(out).toHaveLength(1)
    expect(json()).toMatchObject({ outcome: 'ok', stored: 2, batches: 1, dead: 0, deferred: 0 })
    expect(endpoint.events(GROUP, STREAM).map(({ message }) => message)).toEqual(events)
  })

  it('exits with 1 and a coded error when CloudWatch refuses, and loses nothing', async () => {
    endpoint.faults.always('*', { kind: 'accessDenied' })
    await redis.rpush(keys.pending, eventLine())
    const { code, json } = await run(['flush', '--json'])
    expect(code).toBe(1)
    expect(json()).toMatchObject({ outcome: 'failed', error: { code: 'AUDIT_CLOUDWATCH_DENIED' } })
    expect(await redis.llen(keys.pending)).toBe(1)
  })

  it('says until when it waits while CloudWatch takes nothing, and loses nothing', async () => {
    endpoint.faults.next('PutLogEvents', { kind: 'throttle', retryAfter: 3_000 })
    await redis.rpush(keys.pending, eventLine())
    await run(['flush'])
    const { code, out } = await run(['flush'])
    expect(code).toBe(1)
    const until = /^waiting:.*CloudWatch.* until (\S+Z) \((\d+) s\)/.exec(out.join('\n'))
    const ahead = Date.parse(until?.[1] ?? '') - Date.now()
    expect(ahead).toBeGreaterThan(2_000_000)
    expect(ahead).toBeLessThanOrEqual(3_000_000)
    expect(Number(until?.[2]) * 1_000).toBeGreaterThanOrEqual(ahead)
    expect(await redis.llen(keys.pending)).toBe(1)
  })

  it('fails within seconds when Redis cannot be reached, without its password', async () => {
    const { code, out, err } = await run(['flush'], { AUDIT_LOGGER_REDIS_URL: 'redis://:hunter2@127.0.0.1:1' })
    expect(code).toBe(1)
    expect(err.join('\n')).toContain('AUDIT_REDIS_UNAVAILABLE')
    expect([...out, ...err].join('\n')).not.toContain('hunter2')
  })

  it('names every setting that is missing or wrong', async () => {
    const wrong = { AUDIT_LOGGER_GROUP_NAME: 'no spaces', AUDIT_LOGGER_STREAM_NAME: undefined, LOG_INTERVAL: '-1' }
    const { code, json } = await run(['flush', '--json'], wrong)
    expect(code).toBe(1)
    expect(json().error.code).toBe('AUDIT_SETTINGS_INVALID')
    expect(
      json()
        .error.problems.map(({ option }: { option: string }) => option)
        .sort(),
    ).toEqual(['groupName', 'logInterval', 'streamName'])
  })
})

describe('audit-logger status', () => {
  it('before anything happened has zeros and no last flush', async () => {
    const { code, json } = await run(['status', '--json'])
    expect(code).toBe(0)
    expect(json()).toEqual({ pending: 0, inFlight: 0, deferred: 0, dead: 0, oldestAgeMs: null, lastFlush: null })
  })

  it('shows what is pending and how old it is, and the last flush', async () => {
    await redis.rpush(keys.pending, eventLine())
    await run(['flush'])
    await redis.rpush(keys.pending, eventLine({ date: new Date(Date.now() - 60_000) }), eventLine())
    const { json } = await run(['status', '--json'])
    const status = json()
    expect(status).toMatchObject({ pending: 2, lastFlush: { stored: 1, batches: 1, outcome: 'ok' } })
    expect(status.oldestAgeMs).toBeGreaterThanOrEqual(60_000)
    expect(Date.now() - Date.parse(status.lastFlush.at)).toBeLessThan(60_000)
  })

  it('says to people what to do next', async () => {
    await redis.rpush(keys.pending, eventLine())
    const { out } = await run(['status'])
    expect(out.join('\n')).toMatch(/pending\s+1[\s\S]*audit-logger worker/)
  })

  it('needs no log group', async () => {
    const { code } = await run(['status'], { AUDIT_LOGGER_GROUP_NAME: undefined, AUDIT_LOGGER_STREAM_NAME: undefined })
    expect(code).toBe(0)
  })
})

describe('audit-logger check', () => {
  it('finds everything in order, and creates nothing', async () => {
    const { code, json } = await run(['check', '--json'])
    expect(code).toBe(0)
    expect(json()).toMatchObject({ ok: true })
    const results = Object.fromEntries(json().findings.map(({ name, result }: Finding) => [name, result]))
    expect(results).toMatchObject({
      redis: 'ok',
      credentials: 'ok',
      clock: 'ok',
      'clock of AWS': 'ok',
      'logs:PutLogEvents': 'ok',
      'logs:GetLogEvents': 'ok',
      'logs:CreateLogGroup': 'not_tried',
    })
    expect(endpoint.events(GROUP, STREAM)).toEqual([])
    expect(endpoint.callsOf('CreateLogGroup')).toEqual([])
  })

  it('tries the permission to create on what exists already', async () => {
    endpoint.ensure(GROUP, STREAM)
    const { json } = await run(['check', '--json'])
    const results = Object.fromEntries(json().findings.map(({ name, result }: Finding) => [name, result]))
    expect(results).toMatchObject({ 'logs:CreateLogGroup': 'ok', 'logs:CreateLogStream': 'ok' })
  })

  it('names the permission that is missing and exits with 1', async () => {
    endpoint.ensure(GROUP, STREAM)
    endpoint.faults.always('PutLogEvents', { kind: 'accessDenied' })
    const { code, json, out, err } = await run(['check', '--json'])
    expect(code).toBe(1)
    const failed = json().findings.filter(({ result }: Finding) => result === 'failed')
    expect(failed).toEqual([expect.objectContaining({ name: 'logs:PutLogEvents' })])
    expect([...out, ...err].join('\n')).not.toContain('local-secret')
  })

  it('warns of a Redis that may evict events', async () => {
    await redis.config('SET', 'maxmemory', '1gb')
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
    const { code, json } = await run(['check', '--json'])
    await redis.config('SET', 'maxmemory-policy', 'noeviction')
    await redis.config('SET', 'maxmemory', '0')
    expect(code).toBe(1)
    expect(json().findings).toContainEqual(expect.objectContaining({ name: 'redis eviction', result: 'failed' }))
  })

  it('goes on to AWS when Redis is gone', async () => {
    const { code, json } = await run(['check', '--json'], { AUDIT_LOGGER_REDIS_URL: 'redis://127.0.0.1:1' })
    expect(code).toBe(1)
    const results = Object.fromEntries(json().findings.map(({ name, result }: Finding) => [name, result]))
    expect(results).toMatchObject({ redis: 'failed', 'logs:PutLogEvents': 'ok' })
  })
})

interface Finding {
  name: string
  result: string
}

describe('audit-logger dead-letter', () => {
  it('lists, replays and purges', async () => {
    await redis.rpush(keys.pending, 'not an event', eventLine())
    await run(['flush'])
    const listed = (await run(['dead-letter', 'list', '--json'])).json()
    expect(listed.deadLetters).toEqual([
      {
        id: expect.stringMatching(/^[\da-f]{16}$/),
        at: expect.any(String),
        reason: 'not_an_event',
        detail: expect.any(String),
        event: 'not an event',
      },
    ])
    expect((await run(['dead-letter', 'replay', '--json'])).json()).toEqual({ replayed: 1 })
    expect(await redis.lrange(keys.pending, 0, -1)).toEqual(['not an event'])
    await run(['flush'])
    expect((await run(['dead-letter', 'purge', '--json', '--yes'])).json()).toEqual({ purged: 1 })
    expect(await redis.exists(keys.dead)).toBe(0)
  })

  it('does not purge without --yes', async () => {
    await redis.rpush(keys.dead, '{}\nx')
    const { code } = await run(['dead-letter', 'purge'])
    expect(code).toBe(2)
    expect(await redis.llen(keys.dead)).toBe(1)
  })
})

describe('a wrong call', () => {
  it.each([[[]], [['fly']], [['flush', 'now']], [['dead-letter']], [['status', '--verbose']]])(
    'audit-logger %j exits with 2 and says what there is',
    async (args) => {
      const { code, err } = await run(args)
      expect(code).toBe(2)
      expect(err.join('\n')).toMatch(/AUDIT_COMMAND_INVALID.*audit-logger --help/)
    },
  )

  it('--help shows the commands', async () => {
    const { code, out } = await run(['--help'])
    expect(code).toBe(0)
    expect(out.join('\n')).toMatch(/worker[\s\S]*flush[\s\S]*status[\s\S]*check[\s\S]*dead-letter/)
  })
})
