import { DataSource } from 'typeorm'
import { Trail } from '../../unit/capture/support'
import { betterSqlite3Binding } from '../better-sqlite3'
import { createDatabase } from '../shared'
import { numberFrom } from './emptied'
import { entitiesOf } from './entities'
import { installTruth } from './truth'

/** TypeORM's own names; `mysql` is its older way to talk to the same server as `mariadb`, without RETURNING. */
export type MatrixDriver = 'postgres' | 'mariadb' | 'mysql' | 'sqljs' | 'better-sqlite3'

export const DRIVERS: readonly MatrixDriver[] = ['postgres', 'mariadb', 'mysql', 'sqljs', 'better-sqlite3']

/** Those with a server, a pool and several connections. */
export const SERVERS = ['postgres', 'mariadb', 'mysql'] as const satisfies readonly MatrixDriver[]

/** The options of a data source on an empty database. */
export async function emptyDatabase(driver: MatrixDriver): Promise<object> {
  switch (driver) {
    case 'sqljs':
      return { type: driver }
    case 'better-sqlite3':
      return { type: driver, database: ':memory:', nativeBinding: await betterSqlite3Binding() }
    case 'mysql':
      return { ...(await createDatabase('mariadb')), type: driver }
    default:
      return createDatabase(driver)
  }
}

/** A data source with every entity of the matrix, not audited. */
export async function openPlain(driver: MatrixDriver, options: object = {}): Promise<DataSource> {
  const given = { ...(await emptyDatabase(driver)), entities: entitiesOf(driver), ...options }
  const dataSource = await new DataSource(given as never).initialize()
  if (driver === 'postgres') await dataSource.query('CREATE SCHEMA IF NOT EXISTS office')
  await dataSource.synchronize()
  await numberFrom(dataSource, 1000)
  return dataSource
}

/** The same with the triggers that keep the truth, and with capture attached. */
export async function openTarget(driver: MatrixDriver, options: object = {}, settings: object = {}) {
  const dataSource = await openPlain(driver, options)
  await installTruth(dataSource)
  const trail = new Trail(settings)
  const detach = trail.attach(dataSource)
  return { dataSource, trail, detach }
}
