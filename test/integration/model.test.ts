import fc from 'fast-check'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { queueKeys } from '../../src/queue/keys'
import { allCommands, type World } from '../model/commands'
import { ModelList } from '../model/model-list'
import { RealList } from '../model/real-list'
import { type RedisServer, startRedisServer } from '../support/redis-server'

let server: RedisServer
let redis: Redis

beforeAll(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url)
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

it('whatever workers and producers do in any order, the scripts keep the books as the model does', async () => {
  const met = { settled: 0, refused: 0, readmitted: 0 }
  const commands = fc.commands(allCommands, { maxCommands: 80, size: 'max' })
  await fc.assert(
    fc.asyncProperty(commands, async (steps) => {
      await redis.flushall()
      const model = new ModelList()
      const world: World = { real: new RealList(redis, queueKeys('audit-logger')), leases: [], pushed: 0, deferrals: 0 }
      await fc.asyncModelRun(() => ({ model, real: world }), steps)
      met.settled += model.stored.length
      met.refused += model.refused
      met.readmitted += model.readmitted
    }),
    { numRuns: 250 },
  )
  // A model in which nothing happens agrees with everything.
  expect(Math.min(...Object.values(met)), JSON.stringify(met)).toBeGreaterThan(20)
}, 120_000)
