import type { DataSource } from 'typeorm'

/** A row as the database has it: every column as a text. */
export type TruthRow = Record<string, string | null>

/** One change of one row, as the triggers noted it. */
export interface Noted {
  /** With its schema, as TypeORM writes it. */
  table: string
  before?: TruthRow
  after?: TruthRow
}

/**
 * What the database itself says was written: row triggers, which only tests install, note every change of every row. No
 * code of capture is used, so that a test that compares with them cannot share its mistakes.
 */
export async function installTruth(dataSource: DataSource): Promise<void> {
  const { type } = dataSource.options
  const text = type === 'postgres' ? 'text' : 'longtext'
  const serial =
    {
      postgres: 'serial PRIMARY KEY',
      mariadb: 'int AUTO_INCREMENT PRIMARY KEY',
      mysql: 'int AUTO_INCREMENT PRIMARY KEY',
    }[type as string] ?? 'INTEGER PRIMARY KEY AUTOINCREMENT'
  await dataSource.query(`CREATE TABLE truth (seq ${serial}, tbl varchar(80), was ${text}, now ${text})`)
  for (const [path, columns] of tablesOf(dataSource)) {
    const json = (side: 'NEW' | 'OLD') => jsonOf(dataSource, side, columns)
    const sides = [
      ['INSERT', 'NULL', json('NEW')],
      ['UPDATE', json('OLD'), json('NEW')],
      ['DELETE', json('OLD'), 'NULL'],
    ] as const
    for (const [verb, was, now] of sides) {
      const note = `INSERT INTO ${type === 'postgres' ? 'public.' : ''}truth (tbl, was, now) VALUES ('${path}', ${was}, ${now})`
      for (const statement of triggerOf(dataSource, path, verb, note)) await dataSource.query(statement)
    }
  }
}

export async function forgetTruth(dataSource: DataSource): Promise<void> {
  await dataSource.query('DELETE FROM truth')
}

/** What was noted since, in order. */
export async function notedIn(dataSource: DataSource): Promise<Noted[]> {
  const rows = (await dataSource.query('SELECT tbl, was, now FROM truth ORDER BY seq')) as Record<
    string,
    string | null
  >[]
  return rows.map(({ tbl, was, now }) => ({
    table: tbl ?? '',
    ...(was && { before: JSON.parse(was) as TruthRow }),
    ...(now && { after: JSON.parse(now) as TruthRow }),
  }))
}

/** Of one verb on one table. */
export function triggerName(path: string, verb: string): string {
  return `truth_${path.replace('.', '_')}_${verb}`.toLowerCase()
}

function triggerOf(dataSource: DataSource, path: string, verb: string, note: string): string[] {
  const name = triggerName(path, verb)
  const table = path
    .split('.')
    .map((part) => dataSource.driver.escape(part))
    .join('.')
  const trigger = `CREATE TRIGGER ${name} AFTER ${verb} ON ${table} FOR EACH ROW`
  switch (dataSource.options.type) {
    case 'postgres': {
      const body = `BEGIN ${note}; RETURN NULL; END`
      return [
        `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$ ${body} $$`,
        `${trigger} EXECUTE FUNCTION ${name}()`,
      ]
    }
    case 'mariadb':
    case 'mysql':
      return [`${trigger} ${note}`]
    default:
      return [`${trigger} BEGIN ${note}; END`]
  }
}

/** Texts, because JSON would make other numbers of large ones, and each database another date. */
function jsonOf(dataSource: DataSource, side: string, columns: readonly string[]): string {
  const { type } = dataSource.options
  const q = (name: string) => `${side}.${dataSource.driver.escape(name)}`
  const text = (name: string) => {
    if (type === 'postgres') return `${q(name)}::text`
    return `CAST(${q(name)} AS ${type === 'mariadb' || type === 'mysql' ? 'CHAR' : 'TEXT'})`
  }
  const pairs = columns.map((name) => `'${name}', ${text(name)}`).join(', ')
  return type === 'postgres' ? `json_build_object(${pairs})::text` : `json_object(${pairs})`
}

/** Every table with all its columns. */
function tablesOf(dataSource: DataSource): Map<string, string[]> {
  const tables = new Map<string, string[]>()
  for (const metadata of dataSource.entityMetadatas) {
    if (metadata.tableType === 'view') continue
    const names = metadata.columns.filter((column) => !column.isVirtualProperty).map((column) => column.databaseName)
    tables.set(metadata.tablePath, [...new Set([...(tables.get(metadata.tablePath) ?? []), ...names])])
  }
  return tables
}
