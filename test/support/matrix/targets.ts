import { createRequire } from 'node:module'
import { join } from 'node:path'
import { DataSource } from 'typeorm'
import { Trail } from '../../unit/capture/support'
import { createDatabase } from '../shared'
import { ENTITIES } from './entities'
import { installTruth } from './truth'

export type MatrixDriver = 'postgres' | 'mariadb' | 'sqljs' | 'better-sqlite3'

export const DRIVERS: readonly MatrixDriver[] = ['postgres', 'mariadb', 'sqljs', ...betterSqlite()]

/** It must be compiled for this very Node, so it is no dependency: where it is not there, the run says so. */
function betterSqlite(): MatrixDriver[] {
  try {
    const Database = createRequire(join(process.cwd(), 'package.json'))('better-sqlite3') as new (
      path: string,
    ) => { close(): void }
    new Database(':memory:').close()
    return ['better-sqlite3']
  } catch {
    console.warn('NOT TESTED: better-sqlite3 is not installed for this Node (npm install --no-save better-sqlite3@12)')
    return []
  }
}

/** A database with every entity of the matrix, the triggers that keep the truth, and capture attached. */
export async function openTarget(driver: MatrixDriver, options: object = {}, settings: object = {}) {
  const database =
    driver === 'postgres' || driver === 'mariadb'
      ? await createDatabase(driver)
      : { type: driver, database: ':memory:' }
  const { database: name, ...rest } = database
  const given = { ...(driver === 'sqljs' ? rest : database), synchronize: true, entities: ENTITIES, ...options }
  const dataSource = new DataSource(given as never)
  await dataSource.initialize()
  await installTruth(dataSource)
  const trail = new Trail(settings)
  const detach = trail.attach(dataSource)
  return { dataSource, trail, detach, name }
}
