import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { metrics } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadWorkerSettings, type WorkerSettings } from '../../config/settings'
import { type LocalCloudWatch, startCloudWatch } from '../../local/cloudwatch'
import { AuditLogger } from '../../src/audit-logger'
import { queueKeys, shardKeys } from '../../src/queue/keys'
import { COUNTED, OBSERVED } from '../../worker/instruments'
import { Monitoring } from '../../worker/monitoring'
import { prometheusName } from '../../worker/prometheus'
import { saveLastFlush } from '../../worker/summary'
import { eventLine } from '../support/events'
import { type KeptLogger, keptLogger } from '../support/kept-logger'
import { freePort } from '../support/port'
import { environmentFor, GROUP, STREAM } from '../support/processes'
import { type RedisServer, startRedisServer } from '../support/redis-server'
import { waitFor } from '../support/wait-for'

const keys = queueKeys('audit-logger')
const DAY = 86_400_000
let server: RedisServer
let redis: Redis
let endpoint: LocalCloudWatch
let logger: KeptLogger
let open: Monitoring[]
let port: number

beforeEach(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url, { maxRetriesPerRequest: null })
  redis.on('error', () => undefined)
  await redis.ping()
  endpoint = await startCloudWatch()
  endpoint.ensure(GROUP, STREAM)
  logger = keptLogger()
  port = await freePort()
  open = []
})
afterEach(async () => {
  await Promise.all(open.map((one) => one.close()))
  redis.disconnect()
  await Promise.all([server.stop(), endpoint.close()])
})

const settingsFor = (changes: Record<string, string> = {}): WorkerSettings =>
  loadWorkerSettings(
    {},
    { ...environmentFor(server.url, endpoint, 5), AUDIT_LOGGER_HEALTH_PORT: String(port), ...changes },
  )

async function start(settings = settingsFor()): Promise<Monitoring> {
  const monitoring = new Monitoring(redis, settings, logger)
  open.push(monitoring)
  await monitoring.start()
  return monitoring
}

/** By node:http and not by fetch, which keeps connections of its own. */
function get(path: string, { method = 'GET', host = '127.0.0.1' } = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const ask = request({ host, port, path, method, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        body += part
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    ask.on('error', reject).end()
  })
}

const flushed = (outcome: 'ok' | 'failed') =>
  saveLastFlush(redis, keys, { outcome, stored: 1, batches: 1, dead: 0, deferred: 0, late: 0, ms: 1 } as Parameters<
    typeof saveLastFlush
  >[2])

describe('the health endpoint', () => {
  it('is not there unless a port is set', async () => {
    const { AUDIT_LOGGER_HEALTH_PORT: _port, ...env } = {
      ...environmentFor(server.url, endpoint),
      AUDIT_LOGGER_HEALTH_PORT: '',
    }
    await start(loadWorkerSettings({}, env))
    await expect(get('/healthz')).rejects.toThrow('ECONNREFUSED')
  })

  it('is alive and ready while nothing is pending', async () => {
    await start()
    expect(await get('/healthz')).toEqual({ status: 200, body: 'alive\n' })
    expect(await get('/readyz')).toEqual({ status: 200, body: 'ready\n' })
    expect(await get('/readyz?probe=1')).toMatchObject({ status: 200 })
    expect(await get('/healthz', { method: 'HEAD' })).toEqual({ status: 200, body: '' })
  })

  it('is not ready with a backlog that nobody flushed, and ready again once it was', async () => {
    await start()
    await redis.rpush(keys.pending, eventLine())
    expect(await get('/readyz')).toMatchObject({ status: 503, body: expect.stringContaining('1 pending') })
    await flushed('failed')
    expect(await get('/readyz')).toMatchObject({ status: 503 })
    await flushed('ok')
    expect(await get('/readyz')).toMatchObject({ status: 200 })
    await redis.hset(keys.stats, 'lastOk', Date.now() - 11 * 60_000)
    expect(await get('/readyz')).toMatchObject({ status: 503 })
  })

  it('is ready in the middle of a flush that takes long', async () => {
    const monitoring = await start()
    await redis.rpush(keys.pending, eventLine())
    monitoring.metrics.stored(1)
    expect(await get('/readyz')).toMatchObject({ status: 200 })
  })

  it('without Redis is alive, not ready, and still tells what it counted; afterwards it is ready by itself', async () => {
    const monitoring = await start()
    monitoring.metrics.stored(3)
    expect((await get('/metrics')).body).toContain('\naudit_logger_redis_up 1\n')
    await server.kill('SIGKILL')
    await waitFor(() => redis.status !== 'ready', { what: 'the end of the connection' })
    expect(await get('/healthz')).toMatchObject({ status: 200 })
    expect(await get('/readyz')).toMatchObject({ status: 503, body: 'Redis cannot be reached\n' })
    const { status, body } = await get('/metrics')
    expect(status).toBe(200)
    expect(body).toContain('\naudit_logger_events_stored_total 3\n')
    expect(body).toContain('\naudit_logger_redis_up 0\n')
    await server.restart()
    await waitFor(async () => (await get('/readyz')).status === 200, { what: 'being ready again' })
  })

  it('still shows the books of a Redis that is full: that is when people look', async () => {
    await start()
    await redis.rpush(keys.pending, eventLine())
    await redis.config('SET', 'maxmemory', '1')
    expect((await get('/metrics')).body).toContain('\naudit_logger_pending{list="{audit-logger}"} 1\n')
    expect(await get('/readyz')).toMatchObject({ status: 503, body: expect.stringContaining('1 pending') })
  })

  it('answers within a bound while Redis hangs', async () => {
    await start()
    server.pause()
    const answers = await Promise.all([get('/readyz'), get('/readyz'), get('/healthz'), get('/metrics')])
    server.resume()
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 200, 200])
    await waitFor(async () => (await get('/readyz')).status === 200, { what: 'being ready again' })
  })

  it('shows every list, and those left behind by another number of shards until they are empty', async () => {
    const settings = settingsFor({ AUDIT_LOGGER_SHARDS: '2' })
    const [, second] = shardKeys(settings)
    await start(settings)
    await redis.rpush(second?.pending ?? '', eventLine(), eventLine())
    await redis.rpush(keys.dead, '{}\nx')
    const { body } = await get('/metrics')
    expect(body).toContain('\naudit_logger_pending{list="{audit-logger:0}"} 0\n')
    expect(body).toContain('\naudit_logger_pending{list="{audit-logger:1}"} 2\n')
    expect(body).toContain('\naudit_logger_dead_letters{list="{audit-logger}"} 1\n')
  })

  it('knows three pages and changes nothing', async () => {
    await start()
    expect(await get('/')).toMatchObject({ status: 404 })
    expect(await get('/../../etc/passwd')).toMatchObject({ status: 404 })
    for (const method of ['POST', 'PUT', 'DELETE'])
      expect(await get('/metrics', { method })).toMatchObject({ status: 405 })
  })

  it('holds no secret and no name of an account', async () => {
    await start()
    await flushed('failed')
    await redis.rpush(keys.pending, eventLine({ content: { password: 'hunter2' } }))
    const all = (await Promise.all(['/healthz', '/readyz', '/metrics'].map((path) => get(path)))).map(
      ({ body }) => body,
    )
    expect(all.join('\n')).not.toMatch(/local-secret|AKIALOCAL|hunter2|redis:\/\//)
  })

  it('listens on this machine alone unless told otherwise', async () => {
    await start()
    const outside = Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .filter(({ internal }) => !internal)
    const addresses = outside.filter(({ family }) => family === 'IPv4').map(({ address }) => address)
    for (const host of addresses) await expect(get('/healthz', { host })).rejects.toThrow('ECONNREFUSED')
    await open.pop()?.close()
    await start(settingsFor({ AUDIT_LOGGER_HEALTH_HOST: '0.0.0.0' }))
    for (const host of ['127.0.0.1', ...addresses])
      expect(await get('/healthz', { host })).toMatchObject({ status: 200 })
  })

  it('goes on without it, and says so, when the port is taken', async () => {
    await start()
    await start()
    expect(logger.entries).toContainEqual(
      expect.objectContaining({ level: 'error', fields: { code: 'AUDIT_HEALTH_UNAVAILABLE' } }),
    )
  })

  it('ends with the worker, also while somebody keeps a connection open', async () => {
    const monitoring = await start()
    const kept = request({ port, path: '/healthz', headers: { connection: 'keep-alive' } })
    await new Promise((resolve) => kept.on('response', (response) => response.resume().on('end', resolve)).end())
    kept.on('error', () => undefined)
    await monitoring.close()
    await expect(get('/healthz')).rejects.toThrow('ECONNREFUSED')
  })
})

/** The newest points by name, from a real SDK. */
async function withSdk(
  run: (read: () => Promise<Map<string, { value: unknown; attributes: object }[]>>) => Promise<void>,
) {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const provider = new MeterProvider({ readers: [reader] })
  metrics.setGlobalMeterProvider(provider)
  try {
    await run(async () => {
      exporter.reset()
      await provider.forceFlush()
      const scopes = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics)
      return new Map(
        scopes.flatMap((scope) => scope.metrics.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints])),
      )
    })
  } finally {
    metrics.disable()
    await provider.shutdown()
  }
}

describe('OpenTelemetry', () => {
  it('gets what an application counted, added up over its loggers, and never falling when one is closed', () =>
    withSdk(async (read) => {
      const options = { redis: server.url, lifecycleEvents: false, logger }
      const [first, second] = [new AuditLogger(options), new AuditLogger(options)]
      try {
        first.sendLog('A')
        first.sendLog('B')
        second.sendLog('C')
        await Promise.all([first.flush(), second.flush()])
        const prefix = { prefix: 'audit-logger' }
        const points = await read()
        expect(points.get('audit_logger.capture.accepted')).toEqual([
          expect.objectContaining({ value: 3, attributes: prefix }),
        ])
        expect(points.get('audit_logger.capture.pushed')?.[0]?.value).toBe(3)
        expect(points.get('audit_logger.capture.waiting')?.[0]?.value).toBe(0)
        expect(points.get('audit_logger.capture.dropped')?.[0]?.value).toBe(0)
        await first.close()
        expect((await read()).get('audit_logger.capture.pushed')?.[0]?.value).toBe(3)
      } finally {
        await Promise.all([first.close(), second.close()])
      }
    }))

  it('gets every number of a worker under its documented name, with the same values', () =>
    withSdk(async (read) => {
      const monitoring = await start()
      await redis.rpush(keys.pending, eventLine({ date: new Date(Date.now() - 60_000) }), eventLine())
      await redis.rpush(keys.dead, '{}\nx')
      await redis.hset(keys.stats, 'stored', 5)
      monitoring.metrics.stored(5)
      monitoring.metrics.dead('refused', 1)
      monitoring.metrics.retried('throttled')
      monitoring.metrics.duplicatesAvoided(2)
      monitoring.metrics.batch({ events: 5, bytes: 3_000, ms: 12 })
      monitoring.metrics.flushed('ok', 20)
      const points = await read()
      const numberOf = (name: string) => points.get(`audit_logger.${name}`)?.[0]?.value
      expect(numberOf('events.accepted')).toBe(8)
      expect(numberOf('events.stored')).toBe(5)
      expect(points.get('audit_logger.events.dead')?.[0]).toMatchObject({ value: 1, attributes: { reason: 'refused' } })
      expect(points.get('audit_logger.retries')?.[0]).toMatchObject({ value: 1, attributes: { cause: 'throttled' } })
      expect(numberOf('duplicates.avoided')).toBe(2)
      expect(numberOf('flushes')).toBe(1)
      expect(numberOf('batch.events')).toMatchObject({ count: 1, sum: 5 })
      expect(numberOf('batch.size')).toMatchObject({ count: 1, sum: 3_000 })
      expect(numberOf('put.duration')).toMatchObject({ count: 1, sum: 0.012 })
      expect(numberOf('pending')).toBe(2)
      expect(numberOf('dead_letters')).toBe(1)
      expect(numberOf('oldest_event.age')).toBeGreaterThanOrEqual(60)
      expect((await get('/metrics')).body).toContain('\naudit_logger_events_accepted_total{list="{audit-logger}"} 8\n')
    }))

  it('has every name in docs/monitoring.md, and the page has no other', () => {
    const page = readFileSync(join(__dirname, '../../docs/monitoring.md'), 'utf8')
    const instruments = [...Object.values(COUNTED), ...Object.values(OBSERVED)]
    const named = [...page.matchAll(/^\| `(audit_logger\.[a-z_.]*)`/gm)].map(([, name]) => name)
    const worker = named.filter((name) => !name?.startsWith('audit_logger.capture.'))
    expect(worker.toSorted()).toEqual(instruments.map(({ name }) => name).toSorted())
    for (const instrument of instruments) {
      expect(page).toContain(`| \`${instrument.name}\``)
      expect(page).toContain(`\`${prometheusName(instrument)}\``)
    }
  })
})

describe('an old backlog', () => {
  it('is warned of by the retention that the group really has', async () => {
    endpoint.ensure(GROUP, STREAM)
    await redis.rpush(keys.pending, eventLine({ date: new Date(Date.now() - 8 * DAY) }))
    await start()
    const said = await waitFor(() => logger.entries.find(({ fields }) => fields.code === 'AUDIT_BACKLOG_OLD'), {
      what: 'the warning',
    })
    expect(said.message).toMatch(/8\.0 days old, 57 % of the 14 days/)
    expect(endpoint.callsOf('DescribeLogGroups')).toHaveLength(1)
  })
})
