import { describe, expect, it } from 'vitest'
import { loadSettings } from '../../config/settings'
import { createQueue } from '../../src/queue/producer'
import { eventLine } from '../support/events'
import { keptLogger } from '../support/kept-logger'
import { startRedisServer } from '../support/redis-server'
import { waitFor } from '../support/wait-for'
import { STEPS } from './driver/plan'
import { Stage } from './driver/stage'

describe.concurrent('Redis is killed and comes back with its append-only file', () => {
  it.each(STEPS)('when a worker is at %s: nothing is lost, nothing is stored twice', async (at) => {
    const server = await startRedisServer({ appendonly: true })
    const stage = await Stage.open(server.url, 'audit-logger')
    const settings = loadSettings({ redis: server.url, logger: keptLogger() }, {})
    const queue = createQueue(settings)
    let restarted: Promise<void> | undefined
    try {
      stage.endpoint.faults.next('PutLogEvents', { kind: 'none' }, { kind: 'resetAfter' })
      const before = stage.elements()
      stage.books.expect(before)
      queue.push(before)
      await queue.flush()

      // The worker goes on while Redis dies: what it is about to do meets a server that is gone or still loading.
      const flusher = stage.flusher((step) => {
        if (step === at) restarted ??= server.restart()
      })
      const draining = stage.drain(flusher)
      await waitFor(() => restarted !== undefined, { what: `the worker to come to ${at}`, timeoutMs: 60_000 })
      // An application goes on too, and notices nothing.
      const during = Array.from({ length: 50 }, () => eventLine({ action: 'DURING' }))
      stage.books.expect(during)
      for (const line of during) queue.push([line])
      await restarted
      await queue.flush()
      await draining
      await stage.drain(flusher)

      const events = before.length - 1 + during.length
      expect(await stage.books.verdict()).toMatchObject({ wrong: [], duplicates: 0, stored: events, dead: 1 })
    } finally {
      await restarted
      await queue.close()
      await stage.close()
      await server.stop()
    }
  })
})
