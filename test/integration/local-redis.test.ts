import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { AuditError } from '../../config/errors'
import { type LocalRedis, type LocalRedisOptions, startRedis } from '../../local/redis'
import { removeDirectory, temporaryDirectory } from '../support/temp-directory'
import { waitFor } from '../support/wait-for'

const opened: (() => Promise<void> | void)[] = []

afterEach(async () => {
  vi.unstubAllEnvs()
  vi.doUnmock('js-redis-server/core')
  vi.resetModules()
  for (const close of opened.splice(0).reverse()) await close()
})

async function start(options?: LocalRedisOptions): Promise<LocalRedis> {
  const redis = await startRedis(options)
  opened.push(redis.close)
  return redis
}

function client(redis: LocalRedis): Redis {
  const connection = new Redis(redis.url, { maxRetriesPerRequest: 0, retryStrategy: () => null, lazyConnect: true })
  connection.on('error', () => undefined)
  opened.push(() => connection.disconnect())
  return connection
}

/** A temporary directory for this test alone, where what it leaves behind can be told from what others do. */
function ownTemporaryDirectory(): string {
  const directory = temporaryDirectory('local-redis-test')
  vi.stubEnv('TMPDIR', directory)
  opened.push(() => removeDirectory(directory))
  return directory
}

const port = (redis: LocalRedis) => Number(new URL(redis.url).port)

describe.each([
  { prefer: 'binary', kind: 'redis-server' },
  { prefer: 'embedded', kind: 'js-redis-server' },
] as const)('a local Redis, $kind', ({ prefer, kind }) => {
  it('is real enough for lists, transactions and Lua', async () => {
    const redis = await start({ prefer })
    expect(redis.kind).toBe(kind)
    const connection = client(redis)
    expect(await connection.dbsize()).toBe(0)
    await connection.rpush('{p}:pending', 'a', 'b', 'c')
    const script = "redis.call('LTRIM', KEYS[1], ARGV[1], -1) return redis.call('LLEN', KEYS[1])"
    expect(await connection.eval(script, 1, '{p}:pending', 1)).toBe(2)
    expect(await connection.multi().lrange('{p}:pending', 0, -1).del('{p}:pending').exec()).toEqual([
      [null, ['b', 'c']],
      [null, 1],
    ])
  })

  it('is reached on the loopback interface only, below the ports of outgoing connections', async () => {
    const redis = await start({ prefer })
    expect(port(redis)).toBeGreaterThanOrEqual(20_000)
    expect(port(redis)).toBeLessThan(32_768)
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((address) => address?.family === 'IPv4' && !address.internal)
    for (const host of [...(outside ? [outside.address] : []), '127.0.0.2']) {
      const refused = new Promise((resolve) => connect(port(redis), host, () => resolve('open')).on('error', resolve))
      expect(await refused).toMatchObject({ code: 'ECONNREFUSED' })
    }
  })

  it('really ends with close(): clients are cut off, the port is free, nothing is left', async () => {
    const directory = ownTemporaryDirectory()
    const redis = await startRedis({ prefer })
    expect(readdirSync(directory)).toHaveLength(prefer === 'binary' ? 1 : 0)
    const [idle, blocked] = [client(redis), client(redis)]
    await idle.ping()
    const waiting = blocked.blpop('never', 0).then(
      () => 'answered',
      () => 'cut off',
    )
    await waitFor(async () => /cmd=blpop/.test(String(await idle.client('LIST'))) || prefer === 'embedded', {
      what: 'the blocked client',
    })
    await redis.close()
    await redis.close()
    expect(await waiting).toBe('cut off')
    await waitFor(() => idle.status === 'end', { what: 'the end of the idle connection' })
    const refused = new Promise((resolve) => connect(port(redis), '127.0.0.1').on('error', resolve))
    expect(await refused).toMatchObject({ code: 'ECONNREFUSED' })
    expect(readdirSync(directory)).toEqual([])
  })

  it('starts several at once, each of its own', async () => {
    const servers = await Promise.all(Array.from({ length: 4 }, () => start({ prefer })))
    expect(new Set(servers.map(({ url }) => url)).size).toBe(4)
    await Promise.all(servers.map((redis, index) => client(redis).set('who', index)))
    expect(await Promise.all(servers.map((redis) => client(redis).get('who')))).toEqual(['0', '1', '2', '3'])
  })
})

describe('a local Redis', () => {
  it('prefers a redis-server on the PATH', async () => {
    expect((await start()).kind).toBe('redis-server')
  })

  it('falls back to the embedded one when there is no redis-server', async () => {
    vi.stubEnv('PATH', '/nowhere')
    expect((await start({ prefer: 'binary' })).kind).toBe('js-redis-server')
  })

  it('falls back to redis-server when js-redis-server is not there', async () => {
    vi.doMock('js-redis-server/core', () => {
      throw new Error('Cannot find module')
    })
    vi.resetModules()
    const { startRedis: startFresh } = await import('../../local/redis.js')
    const redis = await startFresh({ prefer: 'embedded' })
    opened.push(redis.close)
    expect(redis.kind).toBe('redis-server')
  })

  it('says what is missing when there is neither, and leaves nothing behind', async () => {
    const directory = ownTemporaryDirectory()
    vi.stubEnv('PATH', '/nowhere')
    vi.doMock('js-redis-server/core', () => {
      throw new Error('Cannot find module')
    })
    vi.resetModules()
    const { startRedis: startFresh } = await import('../../local/redis.js')
    const error = (await startFresh().catch((reason: unknown) => reason)) as AuditError
    expect(error.code).toBe('AUDIT_LOCAL_REDIS_MISSING')
    expect(error.message).toMatch(/redis-server does not start .*ENOENT.*js-redis-server does not load/)
    expect(error.remedy).toContain('apt-get install redis-server')
    expect(readdirSync(directory)).toEqual([])
  })
})
