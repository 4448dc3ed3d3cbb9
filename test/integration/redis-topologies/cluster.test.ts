import { Cluster } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadSettings } from '../../../config/settings'
import { type LocalCloudWatch, startCloudWatch } from '../../../local/cloudwatch'
import { everyKeys, fleetKeys, shardKeys } from '../../../src/queue/keys'
import { createQueue } from '../../../src/queue/producer'
import type { EventQueue } from '../../../src/queue/queue'
import { readFleetStatus } from '../../../worker/status'
import { eventLine, idOf } from '../../support/events'
import { rowLine, TestFleet } from '../../support/fleet'
import { freePort } from '../../support/port'
import { GROUP, STREAM } from '../../support/processes'
import { type RedisCluster, startRedisCluster } from '../../support/redis-cluster'
import { build } from '../../support/shared'
import { spawnNode } from '../../support/spawn-process'
import { waitFor } from '../../support/wait-for'

const SHARDS = 4
let cluster: RedisCluster
let redis: Cluster
let endpoint: LocalCloudWatch
let fleet: TestFleet
let queue: EventQueue

beforeAll(async () => {
  cluster = await startRedisCluster()
}, 90_000)
afterAll(() => cluster?.stop())
beforeEach(async () => {
  redis = new Cluster(cluster.nodes)
  redis.on('error', () => undefined)
  endpoint = await startCloudWatch()
  fleet = new TestFleet(redis, endpoint, { shards: SHARDS })
  queue = createQueue(loadSettings({ redis, shards: SHARDS, logger: fleet.logger }, {}))
})
afterEach(async () => {
  await Promise.all([queue.close(), fleet.close()])
  await Promise.all(redis.nodes('master').map((node) => node.flushall().catch(() => undefined)))
  redis.disconnect()
  await endpoint.close()
})

const stored = () => endpoint.events(GROUP, STREAM).map(({ message }) => message)
const untilStored = (count: number, timeoutMs = 60_000) =>
  waitFor(() => stored().length >= count, { what: `${count} stored events`, timeoutMs })
const status = () => readFleetStatus(redis, { prefix: 'audit-logger', shards: SHARDS })
const slotOf = async (key: string) => Number(await redis.cluster('KEYSLOT', key))

function expectEachOnce(lines: readonly string[]): void {
  expect(stored().map(idOf).sort()).toEqual(lines.map(idOf).sort())
}

describe('on a Redis Cluster of three nodes', () => {
  it('all keys of a shard share a slot, and the shards are spread over the nodes', async () => {
    const slots = new Set<number>()
    for (const { tag: _tag, ...keys } of everyKeys({ prefix: 'audit-logger', shards: SHARDS }).slice(0, SHARDS)) {
      const own = new Set(await Promise.all(Object.values(keys).map(slotOf)))
      expect(own.size).toBe(1)
      for (const slot of own) slots.add(slot)
    }
    expect(slots.size).toBe(SHARDS)
    const { tag: _tag, ...shared } = fleetKeys('audit-logger')
    expect(new Set(await Promise.all(Object.values(shared).map(slotOf))).size).toBe(1)
    const nodes = await Promise.all(
      shardKeys({ prefix: 'audit-logger', shards: SHARDS }).map(async ({ pending }) => cluster.serverOf(pending)),
    )
    expect(new Set(nodes.map(({ port }) => port)).size).toBeGreaterThan(1)
  })

  it('events go from the application through all shards to the stream, each once', async () => {
    const lines = Array.from({ length: 3_000 }, (_, n) => rowLine('Invoice', n % 100, n))
    queue.push(lines)
    await queue.flush()
    const { shards = [], pending } = await status()
    expect(pending).toBe(lines.length)
    expect(shards.filter((shard) => shard.pending > 0)).toHaveLength(SHARDS)
    await fleet.start()
    await fleet.start()
    await untilStored(lines.length)
    expectEachOnce(lines)
    await waitFor(async () => (await status()).pending === 0, { what: 'the lists to be settled' })
  })

  it('the health endpoint is ready and shows the books of every shard, wherever it is', async () => {
    const lines = Array.from({ length: 200 }, (_, n) => rowLine('Invoice', n, n))
    queue.push(lines)
    await queue.flush()
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const books = async (name: string) => {
      const body = await (await fetch(`${url}/metrics`)).text()
      const pattern = new RegExp(`^audit_logger_${name}\\{list="(.*)"\\} (\\d+)$`, 'gm')
      return new Map([...body.matchAll(pattern)].map(([, list, value]) => [list, Number(value)]))
    }
    const sum = (values: ReadonlyMap<unknown, number>) =>
      [...values.values()].reduce((total, value) => total + value, 0)
    await fleet.start({ healthPort: port })
    await untilStored(lines.length)
    await waitFor(async () => sum(await books('pending')) === 0, { what: 'the lists to be settled' })
    expect([...(await books('pending')).keys()]).toEqual([0, 1, 2, 3].map((n) => `{audit-logger:${n}}`))
    expect(sum(await books('events_accepted_total'))).toBe(lines.length)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
  })

  it('the schedule works: every interval begins a flush', async () => {
    await fleet.start({ logInterval: 0.02 })
    for (let n = 1; n <= 3; n += 1) {
      queue.push([eventLine()])
      await untilStored(n)
    }
  })

  it('with one shard, and with fewer than before, works as well', async () => {
    const lines = Array.from({ length: 100 }, (_, n) => rowLine('Invoice', n, n))
    queue.push(lines)
    await queue.flush()
    await fleet.start({ shards: 1, logInterval: 0.02 })
    const single = createQueue(loadSettings({ redis, logger: fleet.logger }, {}))
    const more = [eventLine(), eventLine()]
    single.push(more)
    await single.close()
    await untilStored(102)
    expectEachOnce([...lines, ...more])
  })

  it('an application that has pushed its events ends by itself, though it never called close()', async () => {
    await build()
    const program = spawnNode('test/support/programs/cluster-producer.mjs', [JSON.stringify(cluster.nodes)])
    expect(await program.waitForExit({ timeoutMs: 60_000 }), program.output).toEqual({ code: 0, signal: null })
    expect((await status()).pending).toBe(2)
  })

  it.each([
    ['a shard', () => shardKeys({ prefix: 'audit-logger', shards: SHARDS })[0]?.pending],
    ['the schedule', () => fleetKeys('audit-logger').round],
  ])(
    'the node of %s that is killed and comes back delays what it holds and loses nothing',
    async (_what, key) => {
      await fleet.start({ logInterval: 0.02 })
      const node = await cluster.serverOf(String(key()))
      const lines: string[] = []
      const push = (count: number) => {
        const some = Array.from({ length: count }, (_, n) => rowLine('Invoice', n, lines.length + n))
        lines.push(...some)
        queue.push(some)
      }
      push(200)
      await untilStored(200)
      await node.kill('SIGKILL')
      push(200)
      await waitFor(() => fleet.coded('AUDIT_PUSH_DELAYED').length > 0, {
        what: 'the application to notice',
        timeoutMs: 30_000,
      })
      await node.restart()
      push(200)
      await queue.flush()
      await untilStored(lines.length, 90_000)
      expectEachOnce(lines)
    },
    180_000,
  )
})
