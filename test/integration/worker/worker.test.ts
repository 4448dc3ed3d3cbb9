import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { queueKeys } from '../../../src/queue/keys'
import { startWorker } from '../../../worker'
import { readStatus } from '../../../worker/status'
import { type Backend, startBackend } from '../../support/backend'
import { eventLine } from '../../support/events'
import { keptLogger } from '../../support/kept-logger'
import { GROUP, STREAM, spawnTunedWorker, spawnWorker } from '../../support/processes'
import { build } from '../../support/shared'
import type { SpawnedProcess } from '../../support/spawn-process'
import { waitFor } from '../../support/wait-for'

const keys = queueKeys('audit-logger')
let backend: Backend
let server: Backend['server']
let redis: Backend['redis']
let endpoint: Backend['endpoint']
let env: Backend['env']
let workers: SpawnedProcess[]

beforeAll(async () => {
  await build()
})
beforeEach(async () => {
  backend = await startBackend({ appendonly: true })
  ;({ server, redis, endpoint, env } = backend)
  workers = []
})
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.running && worker.kill()))
  await backend.stop()
})

async function started(worker: SpawnedProcess): Promise<SpawnedProcess> {
  workers.push(worker)
  await worker.waitForLine(/worker started/)
  return worker
}

const stored = () => endpoint.events(GROUP, STREAM).map(({ message }) => message)
const untilStored = (count: number) =>
  waitFor(() => stored().length >= count, { what: `${count} stored events`, timeoutMs: 30_000 })

describe('a worker process', () => {
  it('flushes at its start and then at every interval, with a summary line of JSON for each', async () => {
    await redis.rpush(keys.pending, eventLine())
    const worker = await started(spawnWorker(env))
    await worker.waitForLine(/"stored":1.*"msg":"flush"/)
    await redis.rpush(keys.pending, eventLine())
    await untilStored(2)
    const lines = await waitFor(
      () => {
        const summaries = worker.stderr.filter((line) => line.includes('"msg":"flush"')).map((line) => JSON.parse(line))
        return summaries.filter(({ stored: count }) => count === 1).length === 2 && summaries
      },
      { what: 'two summaries' },
    )
    expect(lines.find(({ stored: count }) => count === 1)).toMatchObject({
      outcome: 'ok',
      batches: 1,
      dead: 0,
      deferred: 0,
    })
    expect(worker.stdout).toEqual([])
  })

  it('keeps one schedule however many workers start, and changes it when the interval changes', async () => {
    await started(spawnWorker({ ...env, LOG_INTERVAL: '5' }))
    await started(spawnWorker({ ...env, LOG_INTERVAL: '5' }))
    expect(await redis.zcard(`${keys.tag}:flush:repeat`)).toBe(1)
    expect(await redis.hget(`${keys.tag}:flush:repeat:flush`, 'every')).toBe('300000')
    await started(spawnWorker({ ...env, LOG_INTERVAL: '2.5' }))
    expect(await redis.zcard(`${keys.tag}:flush:repeat`)).toBe(1)
    expect(await redis.hget(`${keys.tag}:flush:repeat:flush`, 'every')).toBe('150000')
  })

  it('ends at SIGTERM after the batch in flight, with exit code 0', async () => {
    endpoint.faults.always('PutLogEvents', { kind: 'none', delayMs: 400 })
    await redis.rpush(keys.pending, ...Array.from({ length: 12 }, () => eventLine({ bytes: 900_000 })))
    const worker = await started(spawnWorker(env))
    await waitFor(() => endpoint.callsOf('PutLogEvents').length > 0, { what: 'a call' })
    worker.signal('SIGTERM')
    expect(await worker.waitForExit()).toEqual({ code: 0, signal: null })
    const left = await readStatus(redis, keys)
    expect(left.inFlight).toBe(0)
    expect(stored().length).toBeGreaterThan(0)
    expect(left.pending).toBe(12 - stored().length)
    expect(await redis.hget(keys.lease, 'owner')).toBe('')
  })

  it('ends at SIGTERM within 30 s though CloudWatch does not answer', async () => {
    endpoint.faults.always('PutLogEvents', { kind: 'hang' })
    await redis.rpush(keys.pending, eventLine())
    const worker = await started(spawnWorker(env))
    await waitFor(() => endpoint.callsOf('PutLogEvents').length > 0, { what: 'a call' })
    worker.signal('SIGTERM')
    expect(await worker.waitForExit({ timeoutMs: 30_000 })).toEqual({ code: 0, signal: null })
    expect((await readStatus(redis, keys)).pending).toBe(1)
  })

  it('ends at SIGTERM within 30 s though Redis is gone', async () => {
    const worker = await started(spawnWorker(env))
    await server.kill()
    worker.signal('SIGTERM')
    const { code } = await worker.waitForExit({ timeoutMs: 30_000 })
    expect(code).toBe(0)
    await server.restart()
  })

  it('that was killed is followed by the other one, within the time of its lease and not of the interval', async () => {
    endpoint.faults.next('PutLogEvents', { kind: 'hangAfter' })
    const slow = { ...env, LOG_INTERVAL: '60' }
    const event = eventLine()
    await redis.rpush(keys.pending, event)
    const first = await started(spawnTunedWorker(slow))
    await waitFor(() => endpoint.callsOf('PutLogEvents').length > 0, { what: 'a call' })
    await started(spawnTunedWorker(slow))
    await first.kill('SIGKILL')
    await waitFor(async () => (await readStatus(redis, keys)).pending === 0, {
      what: 'the takeover',
      timeoutMs: 10_000,
    })
    expect(stored()).toEqual([event])
  })

  it('goes on when Redis was gone for a while, with a schedule even if Redis lost it', async () => {
    await started(spawnWorker(env))
    await server.kill()
    await server.restart()
    await redis.flushall()
    await redis.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await redis.rpush(keys.pending, eventLine())
    await untilStored(1)
  })

  it('started before Redis, waits for it', async () => {
    await server.kill()
    const worker = spawnWorker(env)
    workers.push(worker)
    await worker.waitForLine(/AUDIT_REDIS_UNAVAILABLE/)
    await server.restart()
    await worker.waitForLine(/worker started/)
  })

  it('with wrong settings ends with exit code 1 and says all of them', async () => {
    const worker = spawnWorker({ ...env, AUDIT_LOGGER_GROUP_NAME: '', AUDIT_LOGGER_STREAM_NAME: 'a:b' })
    workers.push(worker)
    expect(await worker.waitForExit()).toMatchObject({ code: 1 })
    expect(worker.stderr.join('\n')).toMatch(/AUDIT_LOGGER_STREAM_NAME[\s\S]*AUDIT_LOGGER_GROUP_NAME/)
  })
})

describe('startWorker', () => {
  it('does the same inside a process', async () => {
    const logger = keptLogger()
    const worker = await startWorker({
      redis: server.url,
      endpoint: endpoint.url,
      region: 'eu-central-1',
      credentials: { accessKeyId: 'AKIALOCAL', secretAccessKey: 'local-secret' },
      groupName: GROUP,
      streamName: STREAM,
      logInterval: 60,
      lifecycleEvents: false,
      logger,
    })
    await waitFor(async () => (await readStatus(redis, keys)).lastFlush, { what: 'the first flush' })
    await redis.rpush(keys.pending, eventLine())
    expect(await worker.flush()).toMatchObject({ outcome: 'ok', stored: 1 })
    await worker.close()
    await worker.close()
    expect(logger.entries.map(({ message }) => message)).toContain('worker stopped')
    expect(JSON.stringify(logger.entries)).not.toContain('local-secret')
  })
})
