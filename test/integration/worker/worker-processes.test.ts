import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { shardKeys } from '../../../src/queue/keys'
import { readFleetStatus } from '../../../worker/status'
import { type Backend, startBackend } from '../../support/backend'
import { idOf } from '../../support/events'
import { environmentFor, GROUP, STREAM, spawnProducer, spawnTunedWorker } from '../../support/processes'
import { build } from '../../support/shared'
import type { SpawnedProcess } from '../../support/spawn-process'
import { waitFor } from '../../support/wait-for'

const lists = { prefix: 'audit-logger', shards: 4 }
const EACH = 20_000
let backend: Backend
let server: Backend['server']
let redis: Backend['redis']
let endpoint: Backend['endpoint']
let processes: SpawnedProcess[]

beforeEach(async () => {
  await build()
  backend = await startBackend({ appendonly: true })
  ;({ server, redis, endpoint } = backend)
  processes = []
})
afterEach(async () => {
  await Promise.all(processes.map((process) => process.running && process.kill()))
  await backend.stop()
})

function started(process: SpawnedProcess): SpawnedProcess {
  processes.push(process)
  return process
}

/** The process that holds the lease of each list; 0 where nobody does. */
async function holders(): Promise<number[]> {
  const owners = await Promise.all(shardKeys(lists).map(({ lease }) => redis.hget(lease, 'owner')))
  return owners.map((owner) => Number(owner?.split(':')[1] ?? 0))
}

const idsStored = () => endpoint.events(GROUP, STREAM).map(({ message }) => idOf(message))

describe('four shards and three worker processes', () => {
  it('share the lists, and when one is killed its lists go on within the lease: all events arrive, each once', async () => {
    const env = {
      ...environmentFor(server.url, endpoint, 60),
      AUDIT_LOGGER_SHARDS: '4',
      AUDIT_LOGGER_FLUSH_THRESHOLD: '1',
    }
    // Slow calls, so that every list is in work for long enough to be seen, and to be interrupted.
    endpoint.faults.always('PutLogEvents', { kind: 'none', delayMs: 250 })
    const workers = [1, 2, 3].map(() => started(spawnTunedWorker(env)))
    await Promise.all(workers.map((worker) => worker.waitForLine(/worker started/)))
    const producers = ['a', 'b'].map((name) => started(spawnProducer(name, EACH, 40, env)))

    const seen = new Set<number>()
    await waitFor(
      async () => {
        for (const pid of await holders()) seen.add(pid)
        return workers.every(({ pid }) => seen.has(pid))
      },
      { what: 'each process to hold a lease', timeoutMs: 60_000, intervalMs: 5 },
    )
    const victim = await waitFor(
      async () => {
        const pids = await holders()
        return workers.find(({ pid }) => pids.includes(pid))
      },
      { what: 'a worker that flushes', timeoutMs: 30_000, intervalMs: 1 },
    )
    await victim.kill('SIGKILL')
    await waitFor(async () => !(await holders()).includes(victim.pid), {
      what: 'its lists to be taken over',
      timeoutMs: 20_000,
    })
    endpoint.faults.clear()
    for (const producer of producers)
      expect(await producer.waitForExit({ timeoutMs: 120_000 })).toMatchObject({ code: 0 })
    await waitFor(async () => (await readFleetStatus(redis, lists)).pending === 0, {
      what: 'everything to be flushed',
      timeoutMs: 120_000,
      intervalMs: 100,
    })
    const ids = idsStored()
    expect(new Set(ids).size).toBe(2 * EACH)
    expect(ids.length - new Set(ids).size, 'events stored twice').toBe(0)
    expect(await readFleetStatus(redis, lists)).toMatchObject({ pending: 0, inFlight: 0, deferred: 0, dead: 0 })
  }, 300_000)
})
