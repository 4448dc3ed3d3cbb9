import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { queueKeys, shardKeys } from '../../src/queue/keys'
import { type Backend, startBackend } from '../support/backend'
import { eventLine } from '../support/events'
import { freePort } from '../support/port'
import { GROUP, STREAM, spawnWorker } from '../support/processes'
import { build } from '../support/shared'
import { type SpawnedProcess, spawnCli } from '../support/spawn-process'
import { removeDirectory, temporaryDirectory } from '../support/temp-directory'
import { TerminalSession } from '../support/terminal'
import { waitFor } from '../support/wait-for'

const keys = queueKeys('audit-logger')
let backend: Backend
let server: Backend['server']
let redis: Backend['redis']
let endpoint: Backend['endpoint']
let env: Backend['env']
let running: SpawnedProcess[]

beforeAll(async () => {
  await build()
})
beforeEach(async () => {
  backend = await startBackend({ appendonly: true })
  ;({ server, redis, endpoint, env } = backend)
  running = []
})
afterEach(async () => {
  await Promise.all(running.map((one) => one.running && one.kill()))
  await backend.stop()
})

function kept(process: SpawnedProcess): SpawnedProcess {
  running.push(process)
  return process
}

const watching = (...args: string[]) => kept(spawnCli(['status', '--watch', '--every', '0.1', ...args], { env }))
const until = (process: SpawnedProcess, count: number) =>
  waitFor(() => process.stdout.length >= count, { what: `${count} lines`, timeoutMs: 20_000 })

describe('audit-logger status', () => {
  it('adds up all shards and shows each, and what another number of shards has left behind', async () => {
    const shards = shardKeys({ prefix: 'audit-logger', shards: 3 })
    await redis.rpush(shards[0]?.pending ?? '', eventLine())
    await redis.rpush(shards[2]?.pending ?? '', eventLine({ date: new Date(Date.now() - 60_000) }), eventLine())
    await redis.rpush(keys.dead, '{}\nx')
    const sharded = { ...env, AUDIT_LOGGER_SHARDS: '3' }
    const process = spawnCli(['status', '--json'], { env: sharded })
    expect((await process.waitForExit()).code).toBe(0)
    const status = JSON.parse(process.stdout.join(''))
    expect(status).toMatchObject({ pending: 3, inFlight: 0, deferred: 0, dead: 1, lastFlush: null })
    expect(status.oldestAgeMs).toBeGreaterThanOrEqual(60_000)
    expect(status.shards.map(({ list, pending, dead }: Record<string, unknown>) => [list, pending, dead])).toEqual([
      ['{audit-logger:0}', 1, 0],
      ['{audit-logger:1}', 0, 0],
      ['{audit-logger:2}', 2, 0],
      ['{audit-logger}', 0, 1],
    ])
    const people = spawnCli(['status'], { env: sharded })
    await people.waitForExit()
    expect(people.stdout.join('\n')).toMatch(/pending\s+3[\s\S]*\{audit-logger:2\}\s+2 pending/)
  })
})

describe('audit-logger status --watch', () => {
  it('--json gives one object a line as things change, and ends on SIGINT with 0', async () => {
    const process = watching('--json')
    await until(process, 2)
    await redis.rpush(keys.pending, eventLine())
    const seen = await waitFor(
      () => process.stdout.map((line) => JSON.parse(line)).find(({ pending }) => pending === 1),
      {
        what: 'the event',
      },
    )
    expect(seen).toMatchObject({ at: expect.any(String), inFlight: 0, deferred: 0, dead: 0, lastFlush: null })
    process.signal('SIGINT')
    expect(await process.waitForExit()).toEqual({ code: 0, signal: null })
    expect(process.stderr).toEqual([])
  })

  it('gives one line each time where it cannot redraw, and goes on when Redis was gone', async () => {
    const process = watching()
    await until(process, 1)
    expect(process.stdout[0]).toMatch(/^\d{4}-\S+Z {2}0 pending, 0 in flight, 0 deferred, 0 dead, last flush never$/)
    await server.kill('SIGKILL')
    await process.waitForLine(/AUDIT_REDIS_UNAVAILABLE/)
    await server.restart()
    const before = process.stdout.length
    await until(process, before + 1)
    process.signal('SIGTERM')
    expect(await process.waitForExit()).toEqual({ code: 0, signal: null })
  })

  it('ends on SIGINT while Redis hangs', async () => {
    const process = watching()
    await until(process, 1)
    server.pause()
    process.signal('SIGINT')
    expect(await process.waitForExit()).toEqual({ code: 0, signal: null })
    server.resume()
  })

  it('on a terminal redraws, and ends on Ctrl-C with 0', async () => {
    const terminal = new TerminalSession(['status', '--watch', '--every', '0.1'], env)
    await terminal.see(/pending {3}0[\s\S]*pending {3}0/)
    expect(terminal.screen.split('\u001b[H\u001b[2J').length).toBeGreaterThan(2)
    await redis.rpush(keys.pending, eventLine())
    await terminal.see(/pending {3}1/)
    terminal.type('\u0003')
    expect(await terminal.exited).toBe(0)
  })

  it('says at once that a setting is wrong', async () => {
    const process = kept(spawnCli(['status', '--watch'], { env: { ...env, LOG_INTERVAL: '-1' } }))
    expect((await process.waitForExit()).code).toBe(1)
    expect(process.stderr.join('\n')).toContain('AUDIT_SETTINGS_INVALID')
  })
})

describe('a worker process with a health port', () => {
  it('shows what it does, is not ready while CloudWatch refuses, and takes the endpoint with it', async () => {
    const port = await freePort()
    const get = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } })
      return { status: response.status, body: await response.text() }
    }
    await redis.rpush(keys.pending, 'not an event', eventLine(), eventLine())
    const worker = kept(spawnWorker({ ...env, AUDIT_LOGGER_HEALTH_PORT: String(port) }))
    const body = await waitFor(
      async () => {
        const metrics = await get('/metrics')
        return /\naudit_logger_flushes_total\{outcome="ok"\} \d/.test(metrics.body) && metrics.body
      },
      { what: 'the counters', timeoutMs: 20_000 },
    )
    expect(body).toContain('\naudit_logger_events_dead_total{reason="not_an_event"} 1\n')
    expect(body).toContain('\naudit_logger_events_accepted_total{list="{audit-logger}"} 3\n')
    expect(body).toContain('\naudit_logger_batch_events_sum 2\n')
    expect(body).toContain('\naudit_logger_events_stored_total 2\n')
    expect((await get('/readyz')).status).toBe(200)
    endpoint.faults.always('PutLogEvents', { kind: 'accessDenied' })
    await redis.rpush(keys.pending, eventLine())
    const refused = await waitFor(
      async () => {
        const ready = await get('/readyz')
        return ready.status === 503 && ready.body.includes('AUDIT_CLOUDWATCH_DENIED') && ready
      },
      { what: 'not being ready', timeoutMs: 20_000 },
    )
    expect(refused.body).not.toMatch(/local-secret|AKIALOCAL/)
    expect((await get('/healthz')).status).toBe(200)
    await worker.kill('SIGTERM')
    await expect(get('/healthz')).rejects.toThrow('fetch failed')
  })
})

describe('a worker where OpenTelemetry is not installed', () => {
  it('ships as ever', async () => {
    const directory = temporaryDirectory('no-otel')
    try {
      writeFileSync(join(directory, 'hide.cjs'), HIDE)
      const worker = kept(spawnWorker({ ...env, NODE_OPTIONS: `--require ${join(directory, 'hide.cjs')}` }))
      await redis.rpush(keys.pending, eventLine())
      await waitFor(() => endpoint.events(GROUP, STREAM).length === 1, { what: 'the event', timeoutMs: 20_000 })
      expect(worker.output).toContain('asked for OpenTelemetry')
      expect((await worker.kill('SIGTERM')).code).toBe(0)
    } finally {
      removeDirectory(directory)
    }
  })
})

/** Node then answers as where the package is missing. */
const HIDE = `const Module = require('node:module')
const resolve = Module._resolveFilename
Module._resolveFilename = function (name, ...rest) {
  if (!name.startsWith('@opentelemetry/')) return resolve.call(this, name, ...rest)
  console.error('asked for OpenTelemetry')
  throw Object.assign(new Error('Cannot find module ' + name), { code: 'MODULE_NOT_FOUND' })
}`

describe('the worker itself on record', () => {
  const lifecycle = () => ({ ...env, AUDIT_LOGGER_LIFECYCLE_EVENTS: 'true' })
  const stored = () => endpoint.events(GROUP, STREAM).map(({ message }) => JSON.parse(message))
  const actions = () => stored().map(({ action }) => action)

  async function runWorker(changes: Record<string, string>, expected: number): Promise<void> {
    const worker = kept(spawnWorker({ ...lifecycle(), ...changes }))
    await waitFor(() => stored().length >= expected, { what: `${expected} events`, timeoutMs: 20_000 })
    expect((await worker.kill('SIGTERM')).code).toBe(0)
  }

  it('stores its start, its stop and what has changed in its settings, each once and without secrets', async () => {
    await runWorker({}, 1)
    expect(await redis.llen(keys.pending)).toBe(1)
    await runWorker({}, 3)
    await runWorker({ AUDIT_LOGGER_RETENTION_DAYS: '30', LOG_INTERVAL: '0.02' }, 6)
    const events = stored()
    expect(events.map(({ id }) => id)).toHaveLength(new Set(events.map(({ id }) => id)).size)
    expect(actions().toSorted()).toEqual([
      'AUDIT_SETTINGS_CHANGED',
      'AUDIT_STARTED',
      'AUDIT_STARTED',
      'AUDIT_STARTED',
      'AUDIT_STOPPED',
      'AUDIT_STOPPED',
    ])
    for (const { user, content } of events) {
      expect(user).toEqual({ type: 'system' })
      expect(content).toMatchObject({ part: 'worker', version: expect.stringMatching(/^\d+\.\d+\.\d+/) })
    }
    const start = events.find(({ action }) => action === 'AUDIT_STARTED')
    expect(start.content.settings).toMatchObject({ groupName: GROUP, streamName: STREAM, logInterval: 0.01, shards: 1 })
    const change = events.find(({ action }) => action === 'AUDIT_SETTINGS_CHANGED')
    expect(change.changes).toEqual({ retentionDays: { to: 30 }, logInterval: { from: 0.01, to: 0.02 } })
    expect(JSON.stringify(events)).not.toMatch(/local-secret|AKIALOCAL/)
  })

  it('does not keep a worker from ending when there is no Redis to tell its stop', async () => {
    const worker = kept(spawnWorker(lifecycle()))
    await waitFor(() => actions().includes('AUDIT_STARTED'), { what: 'the start on record', timeoutMs: 20_000 })
    await server.kill('SIGKILL')
    expect((await worker.kill('SIGTERM')).code).toBe(0)
  })

  it('can be switched off', async () => {
    const worker = kept(spawnWorker(env))
    await redis.rpush(keys.pending, eventLine())
    await waitFor(() => stored().length > 0, { what: 'the event', timeoutMs: 20_000 })
    expect((await worker.kill('SIGTERM')).code).toBe(0)
    expect(actions()).toEqual(['TEST'])
    expect(await redis.llen(keys.pending)).toBe(0)
  })
})
