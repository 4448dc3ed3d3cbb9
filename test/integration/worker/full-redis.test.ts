import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type LocalCloudWatch, startCloudWatch } from '../../../local/cloudwatch'
import { queueKeys } from '../../../src/queue/keys'
import { startWorker } from '../../../worker'
import { eventLine } from '../../support/events'
import { keptLogger } from '../../support/kept-logger'
import { GROUP, STREAM } from '../../support/processes'
import { type RedisServer, startRedisServer } from '../../support/redis-server'
import { waitFor } from '../../support/wait-for'

const keys = queueKeys('audit-logger')
let server: RedisServer
let redis: Redis
let endpoint: LocalCloudWatch

beforeEach(async () => {
  server = await startRedisServer({ appendonly: true })
  redis = new Redis(server.url)
  endpoint = await startCloudWatch()
  endpoint.ensure(GROUP, STREAM)
})
afterEach(async () => {
  redis.disconnect()
  await Promise.all([server.stop(), endpoint.close()])
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
