import { existsSync } from 'node:fs'
import Redis from 'ioredis'
import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RedisServer, startRedisServer } from '../../support/redis-server'
import { createDatabase } from '../../support/shared'

let server: RedisServer
beforeAll(async () => {
  server = await startRedisServer({ appendonly: true })
})
afterAll(() => server.stop())

async function withRedis<T>(use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(server.url, { maxRetriesPerRequest: 0, commandTimeout: 300 })
  redis.on('error', () => undefined)
  try {
    return await use(redis)
  } finally {
    redis.disconnect()
  }
}

test('what redis-server acknowledged survives SIGKILL and restart, on the same port', async () => {
  await withRedis((redis) => redis.rpush('list', 'one', 'two'))
  const { url, pid } = server
  await server.kill('SIGKILL')
  expect(server.running).toBe(false)
  await expect(withRedis((redis) => redis.ping())).rejects.toThrow()
  await server.restart()
  expect(server.url).toBe(url)
  expect(server.pid).not.toBe(pid)
  expect(await withRedis((redis) => redis.lrange('list', 0, -1))).toEqual(['one', 'two'])
})

test('a paused redis-server answers nothing until it is resumed', async () => {
  await withRedis(async (redis) => {
    await redis.ping()
    server.pause()
    await expect(redis.ping()).rejects.toThrow('Command timed out')
    server.resume()
    expect(await redis.ping()).toBe('PONG')
  })
})

test('redis-server with arguments it refuses fails with its own words', async () => {
  await expect(startRedisServer({ args: ['--maxmemory', 'plenty'] })).rejects.toThrow(/ended at once:[\s\S]*maxmemory/)
})

test('a stopped redis-server is gone with its directory', async () => {
  const other = await startRedisServer()
  const redis = new Redis(other.url)
  const [, directory = ''] = (await redis.config('GET', 'dir')) as string[]
  redis.disconnect()
  expect(existsSync(directory)).toBe(true)
  await other.stop()
  expect(existsSync(directory)).toBe(false)
  expect(() => process.kill(other.pid, 0)).toThrow('ESRCH')
})

test('each PostgreSQL database is empty and separate, on one server', async () => {
  const databases = await Promise.all([createDatabase('postgres'), createDatabase('postgres')])
  const counts: unknown[] = []
  for (const { host, port, username, database } of databases) {
    const client = new Client({ host, port, user: username, database })
    await client.connect()
    await client.query('CREATE TABLE invoice (id int)')
    counts.push((await client.query('SELECT count(*)::int AS n FROM invoice')).rows[0].n)
    await client.end()
  }
  expect(counts).toEqual([0, 0])
  expect(databases[0]?.port).toBe(databases[1]?.port)
  expect(databases[0]?.database).not.toBe(databases[1]?.database)
})

test('a MariaDB database takes what TypeORM stores, outside ASCII too', async () => {
  const { host, port, username, database } = await createDatabase('mariadb')
  const connection = await createConnection({ host, port, user: username, database })
  await connection.query('CREATE TABLE invoice (id int PRIMARY KEY, note varchar(20)) ENGINE=InnoDB')
  await connection.query('INSERT INTO invoice VALUES (1, ?)', ['žluť 🧾'])
  const [rows] = await connection.query('SELECT note FROM invoice')
  await connection.end()
  expect(rows).toEqual([{ note: 'žluť 🧾' }])
})
