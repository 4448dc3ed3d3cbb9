import { randomBytes } from 'node:crypto'
import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'
import { inject } from 'vitest'
import type { DatabaseKind, DatabaseServerAddress } from './database-server'

/** A database of the test file's own; spread it into the options of a DataSource. */
export interface TestDatabase {
  type: DatabaseKind
  host: string
  port: number
  username: string
  database: string
}

/**
 * An empty database on the run's shared PostgreSQL or MariaDB, which the first caller starts (in 2 to 5 s).
 *
 * @example
 * const dataSource = new DataSource({ ...(await createDatabase('postgres')), entities: [Invoice], synchronize: true })
 */
export async function createDatabase(kind: DatabaseKind): Promise<TestDatabase> {
  const { host, port, username } = await ask<DatabaseServerAddress>(`/${kind}`)
  const database = `test_${randomBytes(6).toString('hex')}`
  if (kind === 'postgres') {
    const client = new Client({ host, port, user: username, database: 'postgres' })
    await client.connect()
    await client.query(`CREATE DATABASE ${database}`)
    await client.end()
  } else {
    const connection = await createConnection({ host, port, user: username })
    await connection.query(`CREATE DATABASE ${database}`)
    await connection.end()
  }
  return { type: kind, host, port, username, database }
}

/** Makes sure that dist/ is what the sources give, for tests that run real processes. Resolves with its path. */
export function build(): Promise<string> {
  return ask<string>('/build')
}

async function ask<T>(path: '/postgres' | '/mariadb' | '/build'): Promise<T> {
  const response = await fetch(inject('sharedServices') + path)
  const { value, error } = (await response.json()) as { value?: T; error?: string }
  if (error !== undefined) throw new Error(error)
  if (value === undefined) throw new Error(`${path} is not shared by test/support/global-setup.ts`)
  return value
}
