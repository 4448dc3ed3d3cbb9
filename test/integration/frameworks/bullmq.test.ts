import { EventEmitter, once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api'
import { FlowProducer, type Job, type Processor, Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AuditLogger, runWithContext } from '../../../src'
import { auditProcessor, auditQueue } from '../../../src/context/adapters/bullmq'
import type { AuditEvent } from '../../../src/event/event'
import { type KeptLogger, keptLogger } from '../../support/kept-logger'
import { type RedisServer, startRedisServer } from '../../support/redis-server'
import { build } from '../../support/shared'
import { ROOT } from '../../support/spawn-process'
import { removeDirectory, temporaryDirectory } from '../../support/temp-directory'
import { waitFor } from '../../support/wait-for'
import { startTracing } from './whole-way/tracing'

const KEY = 'typeorm-audit-logger'
const TRACE = '0af7651916cd43dd8448eb211c80319c'

class Tenant {
  constructor(
    readonly id: number,
    readonly name: string,
  ) {}
}

const ada = {
  id: 7,
  username: 'ada',
  is_staff: true,
  passwordHash: 'scrypt-of-ada',
  organisation: new Tenant(3, 'Acme Ltd'),
}
const ADA = {
  pk: '7',
  type: 'user',
  username: 'ada',
  is_staff: true,
  organisation: 'Acme Ltd',
  organisation_id: '3',
  ip: '192.0.2.7',
}
const request = { id: 'req-1', method: 'POST', url: '/send', ip: '192.0.2.7' }
const asAda = <T>(fn: () => T): T => runWithContext({ user: ada, request, traceId: TRACE }, fn)

let server: RedisServer
let redis: Redis
let audit: AuditLogger
let kept: KeptLogger
let queue: Queue
let closers: (() => Promise<unknown>)[]
let connection: { url: string; maxRetriesPerRequest: null }

beforeAll(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url)
  connection = { url: server.url, maxRetriesPerRequest: null }
})
afterAll(async () => {
  redis?.disconnect()
  await server?.stop()
})

beforeEach(async () => {
  await redis.flushall()
  kept = keptLogger()
  audit = new AuditLogger({
    redis: server.url,
    userOrganisationField: 'organisation',
    lifecycleEvents: false,
    logger: kept,
  })
  queue = auditQueue(new Queue('mail', { connection }), { audit })
  closers = [() => queue.close()]
})
afterEach(async () => {
  await Promise.all(closers.map((close) => close()))
  await audit.close()
})

function work(processor: Processor = async () => undefined, name = 'mail'): Worker {
  const logged: Processor = async (job, token, signal) => {
    audit.sendLog('WORKED', { name: job.name })
    return processor(job, token, signal)
  }
  return started(new Worker(name, auditProcessor(logged, { audit }), { connection }))
}

function started(worker: Worker): Worker {
  worker.on('error', () => undefined)
  closers.unshift(() => worker.close(true))
  return worker
}

/** What the events of the workers say, once there are so many. */
async function events(count: number): Promise<AuditEvent[]> {
  const lines = await waitFor(
    async () => {
      const found = await redis.lrange('{audit-logger}:pending', 0, -1)
      return found.length >= count && found
    },
    { what: `${count} events` },
  )
  return lines.map((line) => JSON.parse(line) as AuditEvent)
}

describe('a job added in a request', () => {
  it('is done on behalf of the user of the request, with organisation, request id and trace id', async () => {
    await asAda(() => queue.add('welcome', { to: 'bob' }))
    work()
    const [event] = await events(1)
    expect(event?.user).toEqual(ADA)
    expect(event).toMatchObject({
      action: 'WORKED',
      entry_point: 'job',
      request: { id: 'req-1' },
      trace_id: TRACE,
      content: { name: 'welcome', job: { queue: 'mail', name: 'welcome', id: '1' } },
    })
    expect(event?.request, 'the request is over: only its id is told').toEqual({ id: 'req-1' })
  })

  it('carries the fields of the actor under one key, and nothing else of the user', async () => {
    await asAda(() => queue.add('welcome', { to: 'bob' }))
    const data = JSON.parse((await redis.hget('bull:mail:1', 'data')) ?? '') as Record<string, object>
    expect(data).toEqual({
      to: 'bob',
      [KEY]: { v: 1, mark: expect.any(String), user: ADA, request_id: 'req-1', trace_id: TRACE },
    })
    expect(JSON.stringify(await redis.hgetall('bull:mail:1'))).not.toContain('scrypt')
  })

  it('gives its data to the processor, and to whoever added it, as it was', async () => {
    const given = { to: 'bob', nested: { list: [1, 2] } }
    const added = await asAda(() => queue.add('welcome', given))
    expect(added.data).toEqual({ to: 'bob', nested: { list: [1, 2] } })
    expect(given).toEqual({ to: 'bob', nested: { list: [1, 2] } })
    let seen: unknown
    work(async (job) => {
      seen = job.data
    })
    await events(1)
    await waitFor(() => seen, { what: 'the job' })
    expect(seen).toEqual({ to: 'bob', nested: { list: [1, 2] } })
  })

  it.each([
    ['a list', [1, 2]],
    ['a text', 'bob'],
    ['null', null],
    ['a date', new Date(0)],
    ['nothing', undefined],
  ])('carries its context with %s as data, which the processor gets unchanged', async (_kind, data) => {
    await asAda(() => queue.add('welcome', data))
    const seen: unknown[] = []
    work(async (job) => void seen.push(job.data))
    const [event] = await events(1)
    expect(event).toMatchObject({ user: ADA, request: { id: 'req-1' }, trace_id: TRACE })
    await waitFor(() => seen.length, { what: 'the job' })
    expect(seen).toEqual([data === undefined ? {} : JSON.parse(JSON.stringify(data))])
  })

  it('keeps its actor when it writes new data, fails and is tried again', async () => {
    const seen: unknown[] = []
    await asAda(() => queue.add('steps', { step: 0 }, { attempts: 3 }))
    work(async (job) => {
      seen.push(job.data)
      await job.updateData({ ...job.data, step: Number(job.data.step) + 1 })
      seen.push(job.data)
      if (job.data.step < 3) throw new Error('again')
    })
    const all = await events(3)
    for (const event of all) expect(event).toMatchObject({ user: ADA, request: { id: 'req-1' }, trace_id: TRACE })
    await waitFor(() => seen.length === 6, { what: 'three attempts' })
    expect(seen).toEqual([0, 1, 1, 2, 2, 3].map((step) => ({ step })))
  })

  it('is added within the bound for its size that the application has set for its own data', async () => {
    const data = { text: 'x'.repeat(80) }
    await asAda(() => queue.add('small', data, { sizeLimit: 100 }))
    await expect(asAda(() => queue.add('large', { text: 'x'.repeat(120) }, { sizeLimit: 100 }))).rejects.toThrow(
      /limit/,
    )
    queue.jobsOpts.sizeLimit = 100
    await asAda(() => queue.addBulk([{ name: 'small', data }]))
    await expect(queue.count()).resolves.toBe(2)
  })

  it('passes its actor on to the jobs that it adds itself', async () => {
    const second = auditQueue(new Queue('second', { connection }), { audit })
    closers.push(() => second.close())
    await asAda(() => queue.add('first', {}))
    work(async () => void (await second.add('next', {})))
    work(undefined, 'second')
    const all = await events(2)
    for (const event of all) expect(event).toMatchObject({ user: ADA, request: { id: 'req-1' }, trace_id: TRACE })
    expect(all.map(({ content }) => content?.name)).toEqual(['first', 'next'])
  })

  it('says of whoever was not logged in that they are anonymous', async () => {
    await runWithContext({ request }, () => queue.add('signup', {}))
    work()
    expect(await events(1)).toMatchObject([{ user: { type: 'anonymous', ip: '192.0.2.7' }, request: { id: 'req-1' } }])
  })
})

describe('a job added by somebody who acts under the name of another', () => {
  it('tells of both', async () => {
    const support = { id: 9, username: 'sue', is_staff: true }
    await runWithContext({ user: ada, impersonator: support, request }, () => queue.add('welcome', {}))
    work()
    const [event] = await events(1)
    expect(event?.user).toEqual({ ...ADA, impersonator: { pk: '9', type: 'user', username: 'sue' } })
  })
})

describe('the organisation of a job', () => {
  it('is loaded before the job is added, and the data is that of the moment of the call', async () => {
    const lazy = { id: 7, organisation: Promise.resolve(new Tenant(4, 'Globex')) }
    const data = { to: 'bob' }
    const adding = runWithContext({ user: lazy, request }, () => queue.add('welcome', data))
    data.to = 'eve'
    await adding
    const seen: unknown[] = []
    work(async (job) => void seen.push(job.data))
    expect(await events(1)).toMatchObject([{ user: { pk: '7', organisation: 'Globex', organisation_id: '4' } }])
    await waitFor(() => seen.length, { what: 'the job' })
    expect(seen).toEqual([{ to: 'bob' }])
  })

  it('does not keep a job from being added, nor its actor from being known, when it does not load', async () => {
    const stuck = { id: 7, organisation: new Promise(() => undefined) }
    await runWithContext({ user: stuck }, () => queue.add('welcome', {}))
    work()
    const [event] = await events(1)
    expect(event?.user).toEqual({ pk: '7', type: 'user' })
  })
})

describe('every way of adding', () => {
  it('addBulk carries the context with each job', async () => {
    const jobs = [
      { name: 'one', data: { n: 1 } },
      { name: 'two', data: { n: 2 }, opts: { priority: 2 } },
    ]
    const added = await asAda(() => queue.addBulk(jobs))
    expect(added.map(({ data }) => data)).toEqual([{ n: 1 }, { n: 2 }])
    work()
    const all = await events(2)
    expect(all.map(({ user, content }) => [content?.name, user])).toEqual([
      ['one', ADA],
      ['two', ADA],
    ])
  })

  it('a flow carries the context with its parent and every child', async () => {
    const flows = auditQueue(new FlowProducer({ connection }), { audit })
    closers.push(() => flows.close())
    const leaf = { name: 'leaf', queueName: 'mail', data: { n: 3 } }
    const tree = { name: 'root', queueName: 'mail', children: [{ name: 'child', queueName: 'mail', children: [leaf] }] }
    const added = await asAda(() => flows.add(tree))
    expect(added.children?.[0]?.children?.[0]?.job.data).toEqual({ n: 3 })
    await asAda(() => flows.addBulk([{ name: 'bulk', queueName: 'mail' }]))
    work()
    const all = await events(4)
    for (const event of all) expect(event).toMatchObject({ user: ADA, request: { id: 'req-1' }, trace_id: TRACE })
    expect(all.map(({ content }) => content?.name).sort()).toEqual(['bulk', 'child', 'leaf', 'root'])
  })

  it('a queue given twice carries once, and keeps its own result and errors', async () => {
    expect(auditQueue(queue, { audit })).toBe(queue)
    const job = await asAda(() => queue.add('welcome', { to: 'bob' }, { jobId: 'mine' }))
    expect(job).toMatchObject({ id: 'mine', name: 'welcome' })
    await expect(asAda(() => queue.add('welcome', {}, { jobId: '0' }))).rejects.toThrow(/JobId/)
    const circular: Record<string, unknown> = {}
    circular.self = circular
    await expect(asAda(() => queue.add('welcome', circular))).rejects.toThrow(/circular/)
  })
})

describe('a job that nobody asked for', () => {
  it('is the system’s, whoever has set up its schedule', async () => {
    const template = { name: 'nightly', data: { a: 1, [KEY]: { v: 1, user: { pk: '1', type: 'user' } } } }
    await asAda(() => queue.upsertJobScheduler('nightly', { every: 60_000 }, template))
    const seen: unknown[] = []
    work(async (job) => void seen.push(job.data))
    const [event] = await events(1)
    expect(event).toMatchObject({ user: { type: 'system' }, entry_point: 'job' })
    expect(event?.user).toEqual({ type: 'system' })
    expect(event).not.toHaveProperty('request')
    await waitFor(() => seen.length, { what: 'the job' })
    expect(seen[0]).toEqual({ a: 1 })
  })

  it('is the system’s when it was added outside of any context, or by a queue that carries none', async () => {
    await queue.add('outside', {})
    const plain = new Queue('mail', { connection })
    closers.push(() => plain.close())
    await asAda(() => plain.add('plain', {}))
    work()
    for (const event of await events(2)) {
      expect(event).toMatchObject({ user: { type: 'system' }, entry_point: 'job' })
      expect(event).not.toHaveProperty('trace_id')
    }
  })

  it('has nothing of the context in which its worker happened to start', async () => {
    asAda(() => work())
    await queue.add('outside', {})
    const [event] = await events(1)
    expect(event?.user).toEqual({ type: 'system' })
    expect(event).not.toHaveProperty('request')
  })
})

describe('what a job carries', () => {
  const forged = { v: 1, mark: 'x', user: { pk: '1', type: 'user', username: 'root', is_superuser: true } }

  it('is never what a client has put into the data', async () => {
    await asAda(() => queue.add('forged', { [KEY]: forged }))
    await queue.add('forged', { [KEY]: forged }, { [KEY]: 'x' } as object)
    const plain = new Queue('mail', { connection })
    closers.push(() => plain.close())
    await plain.add('forged', { [KEY]: forged })
    const seen: unknown[] = []
    work(async (job) => void seen.push(job.data))
    const all = await events(3)
    expect(all.map(({ user }) => user)).toEqual([ADA, { type: 'system' }, undefined])
    await waitFor(() => seen.length === 3, { what: 'three jobs' })
    expect(seen).toEqual([{}, {}, {}])
    expect(kept.entries.map(({ fields }) => fields.code)).toEqual(['AUDIT_JOB_CONTEXT_INVALID'])
  })

  it.each([
    ['no object', 'x'],
    ['a later version', { ...forged, v: 2 }],
    ['no mark', { ...forged, mark: undefined }],
    ['a user that is a text', { ...forged, user: 'root' }],
    ['a version that is no text', { ...forged, v: { toString: 1 } }],
    ['another mark', { ...forged, mark: 'y' }],
    ['a list', [forged]],
  ])('breaks nothing and names nobody when it is %s', async (_kind, carried) => {
    const plain = new Queue('mail', { connection })
    closers.push(() => plain.close())
    await plain.add('broken', { n: 1, [KEY]: carried }, { [KEY]: 'x' } as object)
    const seen: unknown[] = []
    work(async (job) => void seen.push(job.data))
    const [event] = await events(1)
    expect(event).toMatchObject({ action: 'WORKED', entry_point: 'job' })
    expect(event).not.toHaveProperty('user')
    await waitFor(() => seen.length, { what: 'the job' })
    expect(seen).toEqual([{ n: 1 }])
    expect(kept.entries.map(({ fields }) => fields.code)).toEqual(['AUDIT_JOB_CONTEXT_INVALID'])
  })

  it('is cut and cleaned when somebody writes nonsense into Redis', async () => {
    const plain = new Queue('mail', { connection })
    closers.push(() => plain.close())
    const user = { pk: 'x'.repeat(100_000), type: 'user', roles: ['admin'], is_superuser: 'yes' }
    const carried = { v: 1, mark: 'x', user, request_id: 'a b', trace_id: '0'.repeat(32), organisation: 'Acme' }
    await plain.add('nonsense', { [KEY]: carried }, { [KEY]: 'x' } as object)
    work()
    const [event] = await events(1)
    expect(event?.user).toEqual({ pk: 'x'.repeat(1_000), type: 'user' })
    expect(event).not.toHaveProperty('request')
    expect(event).not.toHaveProperty('trace_id')
  })
})

describe('a processor', () => {
  it('gets what BullMQ gives it: token and signal, and its result is the job’s', async () => {
    const got: unknown[][] = []
    const processor = auditProcessor(
      async (...args: [Job, string?, AbortSignal?]) => {
        got.push(args.slice(1).map((one) => typeof one))
        return 'done'
      },
      { audit },
    )
    const three = auditProcessor(async (_job: Job, _token?: string, signal?: AbortSignal) => {
      got.push([signal instanceof AbortSignal])
    })
    expect([processor.length, three.length]).toEqual([0, 3])
    started(new Worker('mail', three, { connection }))
    await queue.add('one', {})
    await waitFor(() => got.length, { what: 'the job' })
    expect(got[0]).toEqual([true])
  })

  it('keeps the jobs of two users apart that run at the same time, through timers and event emitters', async () => {
    const bob = { id: 8, username: 'bob', organisation: new Tenant(4, 'Globex') }
    const processor = auditProcessor(
      async (job: Job) => {
        await new Promise<void>((resolve) => setTimeout(resolve, job.data.n % 7))
        const emitter = new EventEmitter()
        emitter.once('done', () => audit.sendLog('WORKED', { of: job.data.of }))
        setImmediate(() => emitter.emit('done'))
        await once(emitter, 'done')
      },
      { audit },
    )
    started(new Worker('mail', processor, { connection, concurrency: 50 }))
    await Promise.all(
      Array.from({ length: 300 }, (_, n) => {
        const user = n % 2 ? ada : bob
        const add = () => queue.add('job', { n, of: user.username })
        return runWithContext({ user, request: { id: `${user.username}-${n}` } }, add)
      }),
    )
    const all = await events(300)
    expect(new Set(all.map(({ request }) => request?.id)).size).toBe(300)
    for (const { user, request, content } of all) {
      expect([user?.username, user?.organisation]).toEqual([content?.of, content?.of === 'ada' ? 'Acme Ltd' : 'Globex'])
      expect(request?.id?.split('-')[0]).toBe(content?.of)
    }
  })

  it('of a job that waited for its active namesake is on behalf of whoever asked last', async () => {
    const seen: unknown[] = []
    const gate = new EventEmitter()
    const deduplication = { id: 'report', keepLastIfActive: true }
    await asAda(() => queue.add('report', { n: 1 }, { deduplication }))
    work(async (job) => {
      if (job.data.n === 1) await once(gate, 'open')
      seen.push(job.data)
    })
    await events(1)
    await runWithContext({ user: { id: 8, username: 'bob' } }, () => queue.add('report', { n: 2 }, { deduplication }))
    gate.emit('open')
    const all = await events(2)
    expect(all.map(({ user }) => user?.username)).toEqual(['ada', 'bob'])
    await waitFor(() => seen.length === 2, { what: 'both jobs' })
    expect(seen).toEqual([{ n: 1 }, { n: 2 }])
  })

  it('belongs to the trace in which its job was added, whatever spans it makes itself', async () => {
    const stop = startTracing()
    try {
      await asAda(() => queue.add('own trace', {}))
      await asAda(() => queue.add('same trace', {}))
      const parent = { traceId: TRACE, spanId: '00f067aa0ba902b7', traceFlags: TraceFlags.SAMPLED }
      work(async (job) => {
        const context = job.name === 'same trace' ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT
        trace.getTracer('test').startActiveSpan('work', {}, context, () => audit.sendLog('SPANNED'))
      })
      const all = (await events(4)).filter(({ action }) => action === 'SPANNED')
      expect(all.map(({ trace_id }) => trace_id)).toEqual([TRACE, TRACE])
      const [own, same] = ['own trace', 'same trace'].map((name) =>
        all.find(({ content }) => (content?.job as { name: string } | undefined)?.name === name),
      )
      expect(own).not.toHaveProperty('span_id')
      expect(same?.span_id).toMatch(/^[0-9a-f]{16}$/)
    } finally {
      stop()
    }
  })

  it('wrapped twice is in the same context', async () => {
    const inner = auditProcessor(async () => void audit.sendLog('WORKED'), { audit })
    started(new Worker('mail', auditProcessor(inner, { audit }), { connection }))
    await asAda(() => queue.add('welcome', {}))
    expect(await events(1)).toMatchObject([{ user: ADA, request: { id: 'req-1' }, trace_id: TRACE }])
  })

  it('in a process of its own has the context too', async () => {
    await build()
    const directory = temporaryDirectory('sandbox')
    const file = join(directory, 'processor.cjs')
    const dist = JSON.stringify(join(ROOT, 'dist/src'))
    writeFileSync(
      file,
      `const { AuditLogger } = require(${dist})
      const { auditProcessor } = require(${dist} + '/context/adapters/bullmq')
      const audit = new AuditLogger({ redis: ${JSON.stringify(server.url)}, lifecycleEvents: false })
      module.exports = auditProcessor(async (job) => {
        audit.sendLog('SANDBOXED', { data: job.data })
        await job.updateData({ step: 1 })
        audit.sendLog('UPDATED', { data: job.data })
        await audit.flush()
      }, { audit })`,
    )
    started(new Worker('mail', file, { connection }))
    try {
      await asAda(() => queue.add('welcome', { to: 'bob' }, { jobId: 'boxed' }))
      const all = await events(2)
      for (const event of all) expect(event).toMatchObject({ user: ADA, request: { id: 'req-1' }, trace_id: TRACE })
      expect(all.map(({ content }) => content?.data)).toEqual([{ to: 'bob' }, { step: 1 }])
      const kept = JSON.parse((await redis.hget('bull:mail:boxed', 'data')) ?? '') as object
      expect(kept).toMatchObject({ step: 1, [KEY]: { user: ADA } })
    } finally {
      removeDirectory(directory)
    }
  })
})

it('a queue of a logger that is switched off adds as ever', async () => {
  const off = new AuditLogger({ redis: server.url, enabled: false })
  const plain = auditQueue(new Queue('mail', { connection }), { audit: off })
  closers.push(() => plain.close())
  await asAda(() => plain.add('welcome', { to: 'bob' }, { jobId: 'off' }))
  expect(JSON.parse((await redis.hget('bull:mail:off', 'data')) ?? '')).toEqual({ to: 'bob' })
})
