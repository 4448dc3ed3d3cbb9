import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadSettings } from '../../../config/settings'
import { type LocalCloudWatch, startCloudWatch } from '../../../local/cloudwatch'
import { createQueue } from '../../../src/queue/producer'
import type { EventQueue } from '../../../src/queue/queue'
import { idOf } from '../../support/events'
import { rowLine, TestFleet } from '../../support/fleet'
import { GROUP, STREAM } from '../../support/processes'
import { type RedisServer, startRedisServer } from '../../support/redis-server'
import { waitFor } from '../../support/wait-for'

/** Whichever are installed; docs/scaling.md says which of them that was. */
const SERVERS = ['redis-server', 'valkey-server'].filter((binary) =>
  (process.env.PATH ?? '').split(':').some((directory) => existsSync(join(directory, binary))),
)

describe.each(SERVERS)('on %s', (binary) => {
  let server: RedisServer
  let endpoint: LocalCloudWatch
  let fleet: TestFleet
  let queue: EventQueue

  beforeEach(async () => {
    server = await startRedisServer({ appendonly: true, binary })
    endpoint = await startCloudWatch()
    fleet = new TestFleet(server.url, endpoint, { shards: 2, logInterval: 0.02 })
    queue = createQueue(loadSettings({ redis: server.url, shards: 2, logger: fleet.logger }, {}))
  })
  afterEach(async () => {
    await Promise.all([queue.close(), fleet.close()])
    await Promise.all([server.stop(), endpoint.close()])
  })

  it('events go through schedule, lists and worker, and through a crash of the server, each once', async () => {
    const stored = () => endpoint.events(GROUP, STREAM).map(({ message }) => idOf(message))
    const lines = Array.from({ length: 400 }, (_, n) => rowLine('Invoice', n % 20, n))
    await fleet.start()
    queue.push(lines.slice(0, 200))
    await queue.flush()
    await server.kill('SIGKILL')
    queue.push(lines.slice(200))
    await server.restart()
    await queue.flush()
    await waitFor(() => new Set(stored()).size === 400, { what: 'all events', timeoutMs: 60_000 })
    expect(stored().toSorted()).toEqual(lines.map(idOf).toSorted())
  })
})
