import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { queueKeys } from '../../src/queue/keys'
import type { DatabaseKind } from '../support/database-server'
import { type RedisServer, startRedisServer } from '../support/redis-server'
import { build, createDatabase } from '../support/shared'
import { spawnNode } from '../support/spawn-process'

const ROWS = 100_000
/** The rows are 2,100 bytes each, 210 MB in all, twice; their events, which wait for COMMIT, are 80 MB. */
const HEAP_MB = 192

describe('an update of 100,000 rows', () => {
  let server: RedisServer
  beforeAll(async () => {
    await build()
    server = await startRedisServer()
  })
  afterAll(() => server.stop())

  it.each(['postgres', 'mariadb'] as const)(
    '%s: yields every event without holding the rows',
    async (kind: DatabaseKind) => {
      const redis = new Redis(server.url)
      await redis.flushall()
      const options = JSON.stringify(await createDatabase(kind))
      const program = spawnNode('test/support/programs/large-write.mjs', [options, server.url, String(ROWS)], {
        env: { NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` },
      })
      const { code } = await program.exited
      expect(program.output).toContain(`"affected":${ROWS}`)
      expect(code).toBe(0)
      const pending = queueKeys('audit-logger').pending
      expect(await redis.llen(pending)).toBe(ROWS)
      const last = JSON.parse((await redis.lindex(pending, -1)) ?? '{}') as object
      expect(last).toMatchObject({ action: 'OBJ_UPDATE', changes: { state: { from: 0, to: 1 } } })
      expect(last).not.toHaveProperty('coverage')
      await redis.quit()
    },
    170_000,
  )
})
