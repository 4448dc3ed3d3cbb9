import RedisMock from 'ioredis-mock'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { loadSettings } from '../../../config/settings'
import { createQueue } from '../../../src/queue/producer'
import type { EventQueue } from '../../../src/queue/queue'
import { keptLogger } from '../../support/kept-logger'

let redis: InstanceType<typeof RedisMock>
let queue: EventQueue

beforeEach(async () => {
  redis = new RedisMock()
  await redis.flushall()
  queue = createQueue(loadSettings({ redis, prefix: 'shop', logger: keptLogger() }, {}))
})
afterEach(() => queue.close())

const pending = () => redis.lrange('{shop}:pending', 0, -1)

it('appends to the pending list of the prefix, oldest left', async () => {
  queue.push(['a', 'b'])
  queue.push(['c'])
  await queue.flush()
  expect(await pending()).toEqual(['a', 'b', 'c'])
})

it('takes what is pushed while an earlier push is under way', async () => {
  queue.push(['a'])
  await new Promise((resolve) => setImmediate(resolve))
  queue.push(['b'])
  await queue.flush()
  queue.push(['c'])
  await queue.flush()
  expect(await pending()).toEqual(['a', 'b', 'c'])
})

it('flush() of nothing resolves at once', async () => {
  await expect(queue.flush()).resolves.toBeUndefined()
})

it('leaves the connection that it was handed open, whatever becomes of its own', async () => {
  queue.push(['a'])
  await queue.close()
  expect(await pending()).toEqual(['a'])
})
