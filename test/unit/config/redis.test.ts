import { Cluster, Redis } from 'ioredis'
import RedisMock from 'ioredis-mock'
import { afterEach, describe, expect, it } from 'vitest'
import { loadSettings } from '../../../config/settings'
import { onlyProblem, untyped } from './support'

const open: { disconnect(): void }[] = []
function opened<Connection extends { disconnect(): void }>(connection: Connection): Connection {
  open.push(connection)
  return connection
}
afterEach(() => {
  for (const connection of open.splice(0)) connection.disconnect()
})

describe('a Redis URL', () => {
  it.each([
    'redis://127.0.0.1:6379',
    'redis://cache',
    'redis://:pw@cache:6379/2',
    'rediss://user:p%40ss@cache:6380/',
    'redis://[::1]:6379/0',
    'redis://cache?family=6',
    '/var/run/redis.sock',
    '/var/run/redis.sock?db=2',
  ])('%s is taken as it is', (redis) => {
    expect(loadSettings({}, { REDIS_URL: redis }).redis).toBe(redis)
  })

  it.each([
    'localhost:6379',
    'cache',
    'http://cache',
    '//cache:6379',
    '/',
    'redis://',
    'redis:///0',
    'redis://cache:port',
    'redis://cache:70000',
    'redis://cache/name',
    'redis://:p#ss@cache',
    'redis://:100%@cache',
    'redis://cache?keyPrefix=app:',
    '/var/run/redis.sock?keyPrefix=app:',
  ])('%s is refused', (redis) => {
    expect(onlyProblem({}, { AUDIT_LOGGER_REDIS_URL: redis })).toMatchObject({
      code: 'AUDIT_SETTING_INVALID',
      variable: 'AUDIT_LOGGER_REDIS_URL',
      option: 'redis',
    })
  })
})

describe('ioredis options', () => {
  it('are copied and frozen, while the caller’s own stay as they are', () => {
    const certificate = Buffer.from('certificate')
    const retryStrategy = () => null
    const options = { sentinels: [{ host: 'a', port: 26_379 }], name: 'main', tls: { ca: certificate }, retryStrategy }
    const { redis } = loadSettings({ redis: options }, {})
    expect(redis).toEqual(options)
    expect(redis).not.toBe(options)
    expect(redis).toHaveProperty('tls.ca', certificate)
    expect(redis).toHaveProperty('retryStrategy', retryStrategy)
    expect(Object.isFrozen(redis)).toBe(true)
    expect(Object.isFrozen(options)).toBe(false)
    expect(Object.isFrozen(options.sentinels)).toBe(false)
    options.sentinels[0] = { host: 'changed', port: 1 }
    expect(redis).toHaveProperty('sentinels[0].host', 'a')
  })

  it('work in ioredis although they are frozen', () => {
    const { redis } = loadSettings({ redis: { host: 'cache', port: 6380, tls: {}, lazyConnect: true } }, {})
    const connection = opened(new Redis({ ...(redis as object) }))
    expect(connection.duplicate().options).toMatchObject({ host: 'cache', port: 6380 })
    expect(opened(new Redis(redis as object)).options.host).toBe('cache')
  })

  it.each([
    [{ keyPrefix: 'app:' }],
    [{ url: 'redis://elsewhere' }],
    [[{ host: 'a' }]],
    [new Map([['host', 'a']])],
    [6379],
    [null],
    [true],
  ])('%j is refused', (redis) => {
    expect(onlyProblem(untyped({ redis })).option).toBe('redis')
  })

  it('may refer to themselves', () => {
    const options: Record<string, unknown> = { host: 'cache' }
    options.self = options
    expect(loadSettings(untyped({ redis: options }), {}).redis).toHaveProperty('self.self.host', 'cache')
  })
})

describe('a live connection', () => {
  it.each([
    ['ioredis', () => new Redis({ lazyConnect: true })],
    ['an ioredis cluster', () => new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true })],
    ['ioredis-mock', () => new RedisMock()],
  ])('of %s is passed on untouched', (_, connect) => {
    const connection = opened(connect())
    const settings = loadSettings({ redis: connection }, {})
    expect(settings.redis).toBe(connection)
    expect(Object.isFrozen(connection)).toBe(false)
    expect(Object.isFrozen(connection.options)).toBe(false)
  })

  it('of another version of ioredis is known by its shape', () => {
    class Redis6 {
      rpush() {}
      duplicate() {}
    }
    const connection = new Redis6()
    expect(loadSettings({ redis: connection }, {}).redis).toBe(connection)
  })

  it('with a key prefix is taken: it is duplicated without the prefix', () => {
    const connection = opened(new Redis({ lazyConnect: true, keyPrefix: 'app:' }))
    expect(loadSettings({ redis: connection }, {}).redis).toBe(connection)
  })

  it('of another client is refused', () => {
    class NodeRedisClient {
      rPush() {}
      duplicate() {}
    }
    expect(onlyProblem(untyped({ redis: new NodeRedisClient() })).given).toBe('an object')
  })
})
