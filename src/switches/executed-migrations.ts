import type { DataSource } from 'typeorm'
import { within } from './within'

/** A database that does not answer must not hold up the application's own error any longer. */
const PATIENCE_MS = 3_000

/** The names in TypeORM's table of migrations; undefined when it cannot be read (there is none yet). Never rejects. */
export function executedMigrations(dataSource: DataSource): Promise<ReadonlySet<string> | undefined> {
  return within(PATIENCE_MS, namesOf(dataSource))
}

async function namesOf(dataSource: DataSource): Promise<ReadonlySet<string>> {
  const { driver, options } = dataSource
  const { schema } = driver.options as { schema?: string }
  const path = driver.buildTableName(options.migrationsTableName ?? 'migrations', schema, driver.database)
  const table = path.split('.').map((part) => (part === '' ? part : driver.escape(part)))
  const column = driver.escape('name')
  const rows = (await dataSource.query(`SELECT ${column} AS ${column} FROM ${table.join('.')}`)) as { name: string }[]
  return new Set(rows.map(({ name }) => name))
}
