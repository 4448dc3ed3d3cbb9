import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { idOf } from '../../support/events'
import { type RedisServer, startRedisServer } from '../../support/redis-server'
import { build } from '../../support/shared'
import { spawnNode } from '../../support/spawn-process'

let server: RedisServer

beforeAll(async () => {
  await build()
  server = await startRedisServer()
})
afterAll(() => server.stop())

const run = (url: string) =>
  spawnNode('test/support/programs/forgetful.mjs', ['500'], { env: { AUDIT_LOGGER_REDIS_URL: url } })

it('a program that ends without close() ends by itself, and its events are on the list', async () => {
  expect(await run(server.url).waitForExit({ timeoutMs: 10_000 })).toEqual({ code: 0, signal: null })
  const redis = new Redis(server.url)
  const lines = await redis.lrange('{audit-logger}:pending', 0, -1)
  redis.disconnect()
  expect(new Set(lines.map(idOf)).size).toBe(500)
})

it('a program that recorded nothing connects to nothing and ends', async () => {
  const program = spawnNode('test/support/programs/forgetful.mjs', ['0'], {
    env: { AUDIT_LOGGER_REDIS_URL: 'redis://127.0.0.1:1' },
  })
  expect(await program.waitForExit({ timeoutMs: 10_000 })).toEqual({ code: 0, signal: null })
  expect(program.stderr).toEqual([])
})
