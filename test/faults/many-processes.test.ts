import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { queueKeys } from '../../src/queue/keys'
import { readStatus } from '../../worker/status'
import { type Backend, startBackend } from '../support/backend'
import { GROUP, peakMemoryMb, STREAM, spawnProducer, spawnTunedWorker, spawnWorker } from '../support/processes'
import { build } from '../support/shared'
import type { SpawnedProcess } from '../support/spawn-process'
import { waitFor } from '../support/wait-for'

const PRODUCERS = ['a', 'b', 'c', 'd']
const EACH = 25_000
const keys = queueKeys('audit-logger')

let backend: Backend
let redis: Backend['redis']
let endpoint: Backend['endpoint']
let env: Backend['env']
let processes: SpawnedProcess[]

beforeEach(async () => {
  await build()
  backend = await startBackend({ appendonly: true })
  ;({ redis, endpoint, env } = backend)
  processes = []
})
afterEach(async () => {
  await Promise.all(processes.map((process) => process.running && process.kill()))
  await backend.stop()
})

function start(process: SpawnedProcess): SpawnedProcess {
  processes.push(process)
  return process
}

const startProducers = (pauseMs: number) => PRODUCERS.map((name) => start(spawnProducer(name, EACH, pauseMs, env)))

async function untilAllArrived(producers: readonly SpawnedProcess[]): Promise<void> {
  for (const producer of producers)
    expect(await producer.waitForExit({ timeoutMs: 120_000 })).toMatchObject({ code: 0 })
  await waitFor(async () => (await readStatus(redis, keys)).pending === 0, {
    what: 'everything to be flushed',
    timeoutMs: 120_000,
    intervalMs: 100,
  })
}

interface Tick {
  id: string
  content: { producer: string; n: number }
}

/** The worker that has marked events and is sending them now. */
async function lastSender(): Promise<SpawnedProcess | undefined> {
  const [owner, base, sent] = await redis.hmget(keys.lease, 'owner', 'base', 'sent')
  if (Number(sent) <= Number(base)) return undefined
  return processes.find(({ pid, running }) => running && owner?.split(':')[1] === String(pid))
}

const stored = () => endpoint.events(GROUP, STREAM).map(({ message }) => JSON.parse(message) as Tick)

/** Every number of every producer exactly once. */
function expectComplete(ticks: readonly Tick[]): void {
  for (const producer of PRODUCERS) {
    const numbers = ticks.filter(({ content }) => content.producer === producer).map(({ content }) => content.n)
    expect(numbers.toSorted((a, b) => a - b)).toEqual([...Array(EACH).keys()])
  }
}

/** What CloudWatch itself would refuse the local endpoint refuses too: no call broke a limit or was out of order. */
function expectEveryCallWasAccepted(): void {
  const refused = endpoint.callsOf('PutLogEvents').filter(({ error }) => error?.startsWith('InvalidParameter'))
  expect(refused).toEqual([])
  for (const { put } of endpoint.callsOf('PutLogEvents')) {
    expect(put?.timestamps).toEqual(put?.timestamps.toSorted((a, b) => a - b))
  }
}

describe('100,000 events of four processes', () => {
  it('arrive exactly once and in order while two workers flush, each in less than 150 MB', async () => {
    const workers = [start(spawnWorker(env)), start(spawnWorker(env))]
    await Promise.all(workers.map((worker) => worker.waitForLine(/worker started/)))
    await untilAllArrived(startProducers(5))

    const ticks = stored()
    expectComplete(ticks)
    expectEveryCallWasAccepted()
    // As the stream is read: by time, and by arrival where the time is the same.
    const read = [...endpoint.events(GROUP, STREAM)].sort((a, b) => a.timestamp - b.timestamp)
    for (const producer of PRODUCERS) {
      const mine = read.filter(({ message }) => message.includes(`"producer":"${producer}"`))
      const backwards = mine.filter(({ message, timestamp }, i) => {
        const before = mine[i - 1]
        return before !== undefined && timestamp > before.timestamp && numberOf(message) < numberOf(before.message)
      })
      expect(backwards).toEqual([])
    }
    for (const worker of workers) expect(peakMemoryMb(worker.pid)).toBeLessThan(150)
  })

  it('are all there, each once, when workers are killed at twenty random moments', async () => {
    const workers = [start(spawnTunedWorker(env)), start(spawnTunedWorker(env))]
    await Promise.all(workers.map((worker) => worker.waitForLine(/worker started/)))
    const producers = startProducers(300)
    for (let kill = 0; kill < 20; kill += 1) {
      const holder = await waitFor(lastSender, { what: 'a worker to send', timeoutMs: 40_000, intervalMs: 1 })
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 30))
      await holder.kill('SIGKILL')
      start(spawnTunedWorker(env))
    }
    await untilAllArrived(producers)

    const ticks = stored()
    const ids = new Set(ticks.map(({ id }) => id))
    expect(ids.size).toBe(PRODUCERS.length * EACH)
    expect(ticks.length - ids.size, 'events stored twice').toBe(0)
    expectComplete(ticks)
    expectEveryCallWasAccepted()
    expect(await readStatus(redis, keys)).toMatchObject({ pending: 0, inFlight: 0, deferred: 0, dead: 0 })
  })
})

function numberOf(message: string): number {
  return (JSON.parse(message) as Tick).content.n
}
