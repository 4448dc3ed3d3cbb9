import { afterEach, beforeEach, expect, it } from 'vitest'
import { queueKeys } from '../../../src/queue/keys'
import { startWorker } from '../../../worker'
import { type Backend, startBackend } from '../../support/backend'
import { eventLine } from '../../support/events'
import { keptLogger } from '../../support/kept-logger'
import { GROUP, STREAM } from '../../support/processes'
import { waitFor } from '../../support/wait-for'

const keys = queueKeys('audit-logger')
let backend: Backend
let server: Backend['server']
let redis: Backend['redis']
let endpoint: Backend['endpoint']

beforeEach(async () => {
  backend = await startBackend({ appendonly: true })
  ;({ server, redis, endpoint } = backend)
})
afterEach(async () => {
  await backend.stop()
})

it('a worker starts on a Redis that is full, and makes room', async () => {
  await redis.rpush(keys.pending, ...Array.from({ length: 50 }, () => eventLine()))
  await redis.config('SET', 'maxmemory', '1')
  const worker = await startWorker({
    redis: server.url,
    endpoint: endpoint.url,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIALOCAL', secretAccessKey: 'local-secret' },
    groupName: GROUP,
    streamName: STREAM,
    lifecycleEvents: false,
    logger: keptLogger(),
    logInterval: 0.01,
  })
  await waitFor(async () => (await redis.llen(keys.pending)) === 0, { what: 'an empty list', timeoutMs: 20_000 })
  expect(endpoint.events(GROUP, STREAM)).toHaveLength(50)
  await redis.config('SET', 'maxmemory', '0')
  await worker.close()
})
