import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AuditLoggerOptions, loadSettings } from '../../../config/settings'
import { createQueue } from '../../../src/queue/producer'
import type { EventQueue, QueueCounts } from '../../../src/queue/queue'
import { type KeptLogger, keptLogger } from '../../support/kept-logger'
import { type RedisServer, startRedisServer } from '../../support/redis-server'
import { build } from '../../support/shared'
import { type SpawnedProcess, spawnNode, spawnProcess } from '../../support/spawn-process'
import { removeDirectory, temporaryDirectory } from '../../support/temp-directory'
import { waitFor } from '../../support/wait-for'

const PENDING = '{audit-logger}:pending'
const PROGRAM = 'test/support/programs/queue.mjs'
let server: RedisServer
let redis: Redis
let directory: string
let logger: KeptLogger
let queues: EventQueue[]
let processes: SpawnedProcess[]

beforeEach(async () => {
  await build()
  server = await startRedisServer({ appendonly: true, args: ['--appendfsync', 'always'] })
  redis = new Redis(server.url, { maxRetriesPerRequest: null })
  redis.on('error', () => undefined)
  directory = temporaryDirectory('spill')
  logger = keptLogger()
  queues = []
  processes = []
})
afterEach(async () => {
  await Promise.all(processes.map((process) => process.running && process.kill()))
  if (!server.running) await server.restart()
  await Promise.all(queues.map((queue) => queue.close()))
  redis.disconnect()
  await server.stop()
  removeDirectory(directory)
})

const options = (): AuditLoggerOptions => ({ redis: server.url, spillDirectory: directory, bufferEvents: 100 })

function queueWith(more: AuditLoggerOptions = {}): EventQueue {
  const queue = createQueue(loadSettings({ ...options(), logger, ...more }, {}))
  queues.push(queue)
  return queue
}

const list = () => redis.lrange(PENDING, 0, -1)
const lines = (name: string, from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `${name}-${from + i}`)
const codes = () => logger.entries.map(({ fields }) => fields.code)
const setsOf = () => readdirSync(directory).filter((name) => /-\d{13}-/.test(name))
const segments = () =>
  setsOf().flatMap((set) => readdirSync(join(directory, set)).map((file) => join(directory, set, file)))

interface Run {
  name?: string
  count?: number
  each?: number
  bytes?: number
  end?: 'return' | 'stay' | 'flush' | 'close' | 'exit'
  settings?: AuditLoggerOptions
}

/** A queue in a process of its own. */
function start({ settings = {}, ...run }: Run): SpawnedProcess {
  const process = spawnNode(PROGRAM, [JSON.stringify({ ...run, settings: { ...options(), ...settings } })])
  processes.push(process)
  return process
}

async function told(process: SpawnedProcess, what: string): Promise<QueueCounts & { cpuMs: number; heapMb: number }> {
  return JSON.parse(await process.waitForLine(new RegExp(`"what":"${what}"`)))
}

describe('a queue whose buffer is full', () => {
  it('writes the rest to a file and pushes all of it in order when Redis is back, and nothing is left behind', async () => {
    await server.kill()
    const queue = queueWith()
    for (let n = 0; n < 20_000; n += 500) queue.push(lines('a', n, n + 500))
    expect(queue.counts).toMatchObject({ accepted: 20_000, waiting: 20_000, dropped: 0 })
    expect(queue.counts?.spilled).toBeGreaterThan(19_000)
    expect(codes()).toContain('AUDIT_SPILLING')
    await server.restart()
    queue.push(lines('a', 20_000, 20_010))
    await queue.flush()
    expect(await list()).toEqual(lines('a', 0, 20_010))
    expect(queue.counts).toMatchObject({ pushed: 20_010, waiting: 0, lost: 0, dropped: 0 })
    expect(setsOf()).toEqual([])
  })

  it('keeps what it writes from other users of the machine', async () => {
    await server.kill()
    const { stdout } = await run('find', [directory, '-mindepth', '1', '-type', 'f', '-perm', '/077'], () =>
      queueWith().push(lines('a', 0, 300)),
    )
    expect(segments().length).toBeGreaterThan(0)
    expect(stdout).toEqual([])
  })

  it('carries any text unchanged: line separators, quotes, emoji, and more than is read at once', async () => {
    await server.kill()
    const queue = queueWith({ bufferEvents: 1 })
    const texts = ['"\u2028\u2029"', '😀 ünïcödé', 'g= %3D k', '', ' ', 'é'.repeat(3_000_000), 'last']
    queue.push(texts)
    await server.restart()
    await queue.flush()
    expect(await list()).toEqual(texts)
  })

  it('goes on from memory when the directory cannot be used, and says so', async () => {
    await server.kill()
    const file = join(directory, 'file')
    writeFileSync(file, '')
    const queue = queueWith({ spillDirectory: join(file, 'below') })
    queue.push(lines('a', 0, 105))
    expect(queue.counts).toMatchObject({ accepted: 100, dropped: 5 })
    expect(codes()).toEqual(expect.arrayContaining(['AUDIT_SPILL_FAILED', 'AUDIT_BUFFER_FULL']))
    await server.restart()
    await queue.flush()
    expect((await list()).slice(0, 100)).toEqual(lines('a', 0, 100))
  })

  it('counts and tells what is lost when somebody removes its files, and goes on', async () => {
    await server.kill()
    const queue = queueWith()
    queue.push(lines('a', 0, 1_000))
    const spilled = queue.counts?.spilled ?? 0
    for (const set of setsOf()) removeDirectory(join(directory, set))
    await server.restart()
    await queue.flush()
    queue.push(['after'])
    await queue.flush()
    expect(codes()).toContain('AUDIT_SPILL_LOST')
    const { accepted = 0, pushed = 0, waiting, lost } = queue.counts ?? {}
    expect({ waiting, lost, accepted }).toEqual({ waiting: 0, lost: spilled, accepted: pushed + spilled })
    const told = (await list()).filter((line) => line.includes('AUDIT_EVENTS_DROPPED'))
    expect(told.map((line) => JSON.parse(line))).toMatchObject([{ content: { count: spilled } }])
    expect(await list()).toEqual(expect.arrayContaining([...lines('a', spilled, 1_000), 'after']))
  })

  it('works in a directory whose path is longer than that of a socket may be', async () => {
    await server.kill()
    const deep = join(directory, 'd'.repeat(120), 'e'.repeat(120))
    queueWith({ spillDirectory: deep }).push(lines('a', 0, 300))
    const dead = start({ name: 'dead', count: 300, end: 'exit', settings: { spillDirectory: deep } })
    await dead.waitForExit()
    await server.restart()
    const next = queueWith({ spillDirectory: deep })
    next.open?.()
    await waitFor(() => redis.llen(PENDING).then((length) => length === 600), { what: 'both' })
    expect((await list()).toSorted()).toEqual([...lines('a', 0, 300), ...lines('dead', 0, 300)].toSorted())
    expect(codes()).not.toContain('AUDIT_SPILL_FAILED')
  })
})

describe('when there is no room for more', () => {
  it('the newest are dropped and counted, and one event says how many are missing and when', async () => {
    await server.kill()
    const queue = queueWith({ spillBytes: 4_096 })
    const before = new Date().toISOString()
    for (let n = 0; n < 2_000; n += 10) queue.push(lines('a', n, n + 10))
    const { accepted = 0, dropped = 0 } = queue.counts ?? {}
    expect(accepted + dropped).toBe(2_000)
    expect(accepted).toBeGreaterThan(150)
    expect(codes()).toEqual(expect.arrayContaining(['AUDIT_SPILLING', 'AUDIT_SPILL_FULL', 'AUDIT_BUFFER_FULL']))
    const bytes = segments().reduce((sum, file) => sum + readFileSync(file).length, 0)
    expect(bytes).toBeLessThanOrEqual(4_096)
    await server.restart()
    await waitFor(() => queue.counts?.pushed === accepted + 1, { what: 'all to arrive' })
    const all = await list()
    expect(all.slice(0, accepted)).toEqual(lines('a', 0, accepted))
    const [event, ...more] = all.slice(accepted).map((line) => JSON.parse(line))
    expect(more).toEqual([])
    expect(event).toMatchObject({
      v: 1,
      id: expect.any(String),
      action: 'AUDIT_EVENTS_DROPPED',
      outcome: 'failure',
      content: { count: dropped },
      user: { type: 'system' },
    })
    expect(event.content.first >= before && event.content.last >= event.content.first).toBe(true)
    expect(event.date).toBe(event.content.last)
    queue.push(['after'])
    await queue.flush()
    expect(await redis.lrange(PENDING, -1, -1)).toEqual(['after'])
  })

  it('refusal() says so before, and only then', async () => {
    await server.kill()
    const bounded = queueWith({ bufferEvents: 10, spillDirectory: undefined })
    expect(bounded.refusal?.()).toBeUndefined()
    bounded.push(lines('a', 0, 8))
    expect(bounded.refusal?.(2)).toBeUndefined()
    expect(bounded.refusal?.(3)?.code).toBe('AUDIT_EVENT_REFUSED')
    bounded.push(lines('a', 8, 10))
    expect(bounded.refusal?.()?.message).toContain('10 wait already')
    const spilling = queueWith({ bufferEvents: 10, spillBytes: 2_048 })
    let n = 0
    for (; spilling.refusal?.() === undefined; n += 1) spilling.push([`b-${n}`])
    expect(spilling.counts).toMatchObject({ accepted: n, dropped: 0 })
    expect(n).toBeGreaterThan(50)
    spilling.push(['one too many'])
    expect(spilling.counts).toMatchObject({ accepted: n, dropped: 1 })
    await server.restart()
    await Promise.all([bounded.flush(), spilling.flush()])
    expect([bounded.refusal?.(), spilling.refusal?.()]).toEqual([undefined, undefined])
    await spilling.close()
    expect(spilling.refusal?.()?.code).toBe('AUDIT_EVENT_REFUSED')
  })

  it('a write that the disk takes only in part leaves no half line before the next one', async () => {
    await server.kill()
    // The limit on the size of a file stands for a full disk: the system writes up to it, and then refuses.
    const settings = { ...options(), bufferEvents: 100 }
    const program = `ulimit -f 16; exec "${process.execPath}" ${PROGRAM} '${JSON.stringify({ settings, name: 'a', count: 3_000, each: 50, bytes: 97 })}'`
    const limited = spawnProcess('bash', ['-c', program])
    processes.push(limited)
    const { accepted, dropped, spilled } = await told(limited, 'ready')
    expect(spilled).toBeGreaterThanOrEqual(100)
    expect(dropped).toBeGreaterThan(0)
    expect(accepted + dropped).toBe(3_000)
    expect(limited.output).toContain('AUDIT_SPILL_FAILED')
    await server.restart()
    await waitFor(async () => (await redis.llen(PENDING)) === accepted + 1, { what: 'all accepted' })
    const arrived = await list()
    expect(arrived.slice(0, accepted).map((line) => line.replace(/\.+$/, ''))).toEqual(lines('a', 0, accepted))
    expect(JSON.parse(arrived.at(-1) ?? '')).toMatchObject({
      action: 'AUDIT_EVENTS_DROPPED',
      content: { count: dropped },
    })
  })
})

async function run(command: string, args: string[], before: () => void) {
  before()
  const process = spawnProcess(command, args)
  await process.waitForExit()
  return process
}

describe('what a dead process left', () => {
  beforeEach(() => server.kill())

  it('is pushed by the next one, in order and before its own, with a torn last line passed over', async () => {
    const dead = start({ name: 'dead', count: 3_000 })
    const { spilled } = await told(dead, 'ready')
    await dead.kill('SIGKILL')
    const [file = ''] = segments()
    writeFileSync(file, '0badc0de g {"v":1,"id":"tor', { flag: 'a' })
    const queue = queueWith()
    queue.push(lines('new', 0, 10))
    await server.restart()
    await queue.flush()
    expect(await list()).toEqual([...lines('dead', 0, spilled), ...lines('new', 0, 10)])
    expect(codes()).toContain('AUDIT_SPILL_DAMAGED')
    expect(queue.counts).toMatchObject({ adopted: spilled, accepted: 10, pushed: 10 })
    expect(setsOf()).toEqual([])
  })

  it('is pushed without an event of the new process', async () => {
    const dead = start({ name: 'dead', count: 500, end: 'exit' })
    await dead.waitForExit()
    await server.restart()
    queueWith().open?.()
    await waitFor(async () => (await redis.llen(PENDING)) === 500, { what: 'what was left' })
    expect(await list()).toEqual(lines('dead', 0, 500))
  })

  it('is passed over where it is damaged, and only there', async () => {
    const dead = start({ name: 'dead', count: 500, end: 'exit' })
    await dead.waitForExit()
    const [file = ''] = segments()
    writeFileSync(file, readFileSync(file, 'utf8').replace('dead-250\n', 'dead-2X0\n'))
    await server.restart()
    queueWith().open?.()
    await waitFor(async () => (await redis.llen(PENDING)) === 499, { what: 'the others' })
    expect(await list()).toEqual([...lines('dead', 0, 250), ...lines('dead', 251, 500)])
    expect(codes()).toContain('AUDIT_SPILL_DAMAGED')
  })

  it('is pushed once though many adopt at the same time, in the order of each', async () => {
    const dead = ['a', 'b', 'c', 'd'].map((name) => start({ name, count: 2_000, end: 'exit' }))
    await Promise.all(dead.map((process) => process.waitForExit()))
    await server.restart()
    const heirs = Array.from({ length: 6 }, () => queueWith())
    for (const heir of heirs) heir.open?.()
    await waitFor(async () => (await redis.llen(PENDING)) >= 8_000 && setsOf().length === 0, {
      what: 'all',
      timeoutMs: 30_000,
    })
    const all = await list()
    for (const name of ['a', 'b', 'c', 'd'])
      expect(all.filter((line) => line.startsWith(`${name}-`))).toEqual(lines(name, 0, 2_000))
    expect(all).toHaveLength(8_000)
  })

  it('is not touched while its process lives, not even when that is stopped', async () => {
    const alive = start({ name: 'alive', count: 1_000 })
    await told(alive, 'ready')
    alive.signal('SIGSTOP')
    await server.restart()
    const queue = queueWith()
    queue.push(['new'])
    await queue.flush()
    queue.open?.()
    await queue.close()
    expect(await list()).toEqual(['new'])
    alive.signal('SIGCONT')
    await waitFor(async () => (await redis.llen(PENDING)) === 1_001, { what: 'the lines of the living' })
    expect((await list()).slice(1)).toEqual(lines('alive', 0, 1_000))
  })

  it('is another logger’s when the prefix is another', async () => {
    const dead = start({ name: 'dead', count: 300, end: 'exit', settings: { prefix: 'other' } })
    await dead.waitForExit()
    await server.restart()
    const queue = queueWith()
    queue.push(['mine'])
    await queue.flush()
    expect(await list()).toEqual(['mine'])
    expect(setsOf()).toHaveLength(1)
    const other = queueWith({ prefix: 'other' })
    other.open?.()
    await waitFor(async () => (await redis.llen('{other}:pending')) === 300, { what: 'its own logger' })
  })

  it('does not keep a program that has finished from ending, and waits for the next', async () => {
    await start({ name: 'dead', count: 500, end: 'exit' }).waitForExit()
    expect(await start({ end: 'return' }).waitForExit()).toMatchObject({ code: 0 })
    await server.restart()
    queueWith().open?.()
    await waitFor(async () => (await redis.llen(PENDING)) === 500, { what: 'the next' })
  })

  it('arrives once and in order when its heirs are killed again and again while they push it', async () => {
    const count = 60_000
    const dead = start({ name: 'dead', count, each: 1_000, bytes: 300, end: 'exit' })
    await dead.waitForExit()
    await server.restart()
    const total = () => redis.llen(PENDING)
    for (let kill = 0; kill < 8; kill += 1) {
      const before = await total()
      const heir = start({})
      await waitFor(async () => (await total()) > before || before === count, { what: 'a push', intervalMs: 1 })
      await heir.kill('SIGKILL')
    }
    queueWith().open?.()
    await waitFor(async () => setsOf().length === 0, { what: 'the rest', timeoutMs: 30_000 })
    expect((await list()).map((line) => line.replace(/\.+$/, ''))).toEqual(lines('dead', 0, count))
  })

  it('spread over shards arrives once too, and each line in its shard', async () => {
    const settings = { shards: 3 }
    const dead = start({ name: 'dead', count: 20_000, each: 1_000, bytes: 300, end: 'exit', settings })
    await dead.waitForExit()
    await server.restart()
    const shardLists = () =>
      Promise.all([0, 1, 2].map((shard) => redis.lrange(`{audit-logger:${shard}}:pending`, 0, -1)))
    const total = async () => (await shardLists()).flat().length
    for (let kill = 0; kill < 4; kill += 1) {
      const before = await total()
      const heir = start({ settings })
      await waitFor(async () => (await total()) > before || before === 20_000, { what: 'a push', intervalMs: 1 })
      await heir.kill('SIGKILL')
    }
    queueWith({ shards: 3 }).open?.()
    await waitFor(async () => setsOf().length === 0, { what: 'the rest', timeoutMs: 30_000 })
    const lists = (await shardLists()).map((its) => its.map((line) => Number(/^dead-(\d+)/.exec(line)?.[1])))
    for (const its of lists) expect(its).toEqual(its.toSorted((a, b) => a - b))
    expect(lists.flat().toSorted((a, b) => a - b)).toEqual([...Array(20_000).keys()])
    expect(Math.min(...lists.map(({ length }) => length))).toBeGreaterThan(5_000)
  })
})

describe('the end of a process while Redis is down', () => {
  it('close() writes down what it could not push, and the next process pushes it', async () => {
    await server.kill()
    const queue = queueWith()
    queue.push(lines('a', 0, 250))
    await queue.close()
    expect(codes()).toContain('AUDIT_CLOSE_SPILLED')
    expect(codes()).not.toContain('AUDIT_CLOSE_INCOMPLETE')
    expect(queue.counts).toMatchObject({ lost: 0, dropped: 0, waiting: 250 })
    await server.restart()
    queueWith().open?.()
    await waitFor(async () => (await redis.llen(PENDING)) === 250, { what: 'the next process' })
    expect(await list()).toEqual(lines('a', 0, 250))
  })

  it('process.exit() without close() loses nothing', async () => {
    await server.kill()
    const ended = start({ name: 'a', count: 50, end: 'exit' })
    expect(await ended.waitForExit()).toMatchObject({ code: 0 })
    await server.restart()
    queueWith().open?.()
    await waitFor(async () => (await redis.llen(PENDING)) === 50, { what: 'the next process' })
    expect(await list()).toEqual(lines('a', 0, 50))
  })

  it('what was sent without an answer is not pushed again if it took effect after all', async () => {
    const queue = queueWith()
    queue.push(['before'])
    await queue.flush()
    server.pause()
    queue.push(lines('sent', 0, 5))
    // The push is on its way when later lines no longer join it.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    queue.push(lines('later', 0, 5))
    await queue.close()
    expect(queue.counts).toMatchObject({ waiting: 10, lost: 0 })
    server.resume()
    await waitFor(async () => (await list()).includes('sent-4'), { what: 'what Redis had received' })
    const next = queueWith()
    next.open?.()
    await waitFor(async () => (await list()).includes('later-4'), { what: 'the rest' })
    await waitFor(() => setsOf().length === 0, { what: 'the end of it' })
    expect(await list()).toEqual(['before', ...lines('sent', 0, 5), ...lines('later', 0, 5)])
  })
})
