import { DataSource, type DataSourceOptions } from 'typeorm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type LocalCloudWatch, startCloudWatch } from '../../../local/cloudwatch'
import type { AuditEvent } from '../../../src/event/event'
import { environmentFor, GROUP, STREAM, spawnWorker } from '../../support/processes'
import { type RedisServer, startRedisServer } from '../../support/redis-server'
import { build, createDatabase } from '../../support/shared'
import type { SpawnedProcess } from '../../support/spawn-process'
import { waitFor } from '../../support/wait-for'
import { SERVERS } from './whole-way/servers'
import { ENTITIES, Organisation, Person } from './whole-way/shop'
import { startTracing } from './whole-way/tracing'

const EACH = 5
const PEOPLE = [
  { username: 'ada', organisation: 'Acme Ltd' },
  { username: 'bob', organisation: 'Globex' },
] as const

let server: RedisServer
let endpoint: LocalCloudWatch
let database: DataSourceOptions
let dataSource: DataSource
let worker: SpawnedProcess
let stopTracing: () => void

beforeAll(async () => {
  await build()
  ;[server, endpoint] = await Promise.all([startRedisServer(), startCloudWatch()])
  database = { ...(await createDatabase('postgres')), entities: ENTITIES } as DataSourceOptions
  dataSource = await new DataSource({ ...database, synchronize: true } as DataSourceOptions).initialize()
  for (const { username, organisation } of PEOPLE) {
    const saved = await dataSource.getRepository(Organisation).save({ name: organisation })
    await dataSource.getRepository(Person).save({ username, organisation: saved })
  }
  stopTracing = startTracing()
  worker = spawnWorker(environmentFor(server.url, endpoint))
})
afterAll(async () => {
  stopTracing?.()
  await worker?.kill()
  await dataSource?.destroy()
  await Promise.all([server?.stop(), endpoint?.close()])
})

/** One order of one person: its request, and all that must be on record of it. */
interface Order {
  id: string
  traceId: string
  number: string
  person: (typeof PEOPLE)[number]
  key: string
}

function ordersOf(name: string, round: number): Order[] {
  const prefix = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  return Array.from({ length: EACH * PEOPLE.length }, (_, n) => {
    const index = n % PEOPLE.length
    const person = PEOPLE[index] ?? PEOPLE[0]
    const traceId = `${round + 1}`.padStart(16, 'a') + `${n + 1}`.padStart(16, 'b')
    return { id: `${prefix}-${n}`, traceId, number: `${prefix} ${n}`, person, key: String(index + 1) }
  })
}

async function place(url: string, { id, traceId, number, person }: Order): Promise<void> {
  const response = await fetch(`${url}/orders/${person.username}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-user': person.username,
      'x-request-id': id,
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
    },
    body: JSON.stringify({ number }),
  })
  expect([response.status < 300, response.headers.get('x-request-id')], await response.text()).toEqual([true, id])
}

function stored(orders: readonly Order[]): AuditEvent[] {
  const ids = new Set(orders.map(({ id }) => id))
  const all = endpoint.events(GROUP, STREAM).map(({ message }) => JSON.parse(message) as AuditEvent)
  return all.filter(({ request }) => ids.has(request?.id ?? ''))
}

it.each(Object.keys(SERVERS).map((name, round) => ({ name, round })))(
  'with $name every event in CloudWatch, of request and job, says the right user, organisation, request, entry point and trace',
  async ({ name, round }) => {
    const settings = { redis: server.url, userOrganisationField: 'organisation', lifecycleEvents: false }
    const queue = `jobs-${round}`
    const running = await SERVERS[name]?.({ name: queue, dataSource, database, settings, redisUrl: server.url })
    if (running === undefined) throw new Error(`no server for ${name}`)
    const orders = ordersOf(name, round)
    const count = orders.length * 2
    try {
      await Promise.all(orders.map((order) => place(running.url, order)))
      await waitFor(() => stored(orders).length >= count, {
        what: `${count} events of ${name} in CloudWatch`,
        timeoutMs: 30_000,
      })
    } finally {
      await running.stop()
    }
    const events = stored(orders)
    for (const order of orders) {
      const own = events.filter(({ request }) => request?.id === order.id)
      const user = {
        pk: order.key,
        type: 'user',
        username: order.person.username,
        organisation: order.person.organisation,
        organisation_id: order.key,
        ip: '127.0.0.1',
      }
      expect(own.map(({ instance }) => instance?.model).sort()).toEqual(['Invoice', 'Receipt'])
      for (const event of own) {
        const isJob = event.instance?.model === 'Receipt'
        expect(event.user).toEqual(user)
        expect(event.changes?.number).toEqual({ to: order.number })
        expect([event.entry_point, event.trace_id]).toEqual([isJob ? 'job' : 'http', order.traceId])
        expect(event.request).toMatchObject(
          isJob ? { id: order.id } : { id: order.id, method: 'POST', route: '/orders/:kind' },
        )
      }
    }
    expect(events).toHaveLength(count)
    expect(new Set(events.map(({ id }) => id)).size).toBe(count)
  },
)

it('no object of the process was touched', () => {
  expect(
    Reflect.ownKeys(Object.prototype).filter((key) =>
      Object.prototype.propertyIsEnumerable.call(Object.prototype, key),
    ),
  ).toEqual([])
})

it('no event is without its request', async () => {
  const all = endpoint.events(GROUP, STREAM).map(({ message }) => JSON.parse(message) as AuditEvent)
  expect(all).toHaveLength(Object.keys(SERVERS).length * EACH * PEOPLE.length * 2)
})
