import type { DataSource, EntityMetadata } from 'typeorm'
import type { AuditEvent } from '../../../src/event/event'

/**
 * What the database itself says was written: row triggers, which only tests install, note every change of every row. No
 * code of capture is used, so that a test that compares with them cannot share its mistakes.
 */
export async function installTruth(dataSource: DataSource): Promise<void> {
  const { type } = dataSource.options
  const q = (name: string) => dataSource.driver.escape(name)
  const text = type === 'postgres' ? 'text' : 'longtext'
  const serial =
    { postgres: 'serial PRIMARY KEY', mariadb: 'int AUTO_INCREMENT PRIMARY KEY' }[type as string] ??
    'INTEGER PRIMARY KEY AUTOINCREMENT'
  await dataSource.query(`CREATE TABLE ${q('truth')} (seq ${serial}, tbl varchar(80), was ${text}, now ${text})`)
  for (const [table, columns] of tablesOf(dataSource)) {
    const json = (side: string) => {
      const pairs = columns.map((column) => `'${column}', ${side}.${q(column)}`).join(', ')
      if (type === 'postgres') return `json_build_object(${pairs})::text`
      return `json_object(${pairs})`
    }
    for (const [verb, was, now] of [
      ['INSERT', 'NULL', json('NEW')],
      ['UPDATE', json('OLD'), json('NEW')],
      ['DELETE', json('OLD'), 'NULL'],
    ] as const) {
      const name = `truth_${table}_${verb}`.toLowerCase()
      const note = `INSERT INTO ${q('truth')} (tbl, was, now) VALUES ('${table}', ${was}, ${now})`
      if (type === 'postgres') {
        const end = verb === 'DELETE' ? 'RETURN OLD' : 'RETURN NEW'
        await dataSource.query(
          `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${note}; ${end}; END $$`,
        )
        await dataSource.query(
          `CREATE TRIGGER ${name} AFTER ${verb} ON ${q(table)} FOR EACH ROW EXECUTE FUNCTION ${name}()`,
        )
      } else if (type === 'mariadb') {
        await dataSource.query(`CREATE TRIGGER ${name} AFTER ${verb} ON ${q(table)} FOR EACH ROW ${note}`)
      } else {
        await dataSource.query(`CREATE TRIGGER ${name} AFTER ${verb} ON ${q(table)} FOR EACH ROW BEGIN ${note}; END`)
      }
    }
  }
}

export async function forgetTruth(dataSource: DataSource): Promise<void> {
  await dataSource.query(`DELETE FROM ${dataSource.driver.escape('truth')}`)
}

/** One change of one row, in a form that the database's record and the audit trail are both brought into. */
export interface Change {
  table: string
  pk: string
  /** By property: before and after, as texts. */
  values: Record<string, [from: string | null | undefined, to: string | null | undefined]>
}

interface TruthRow {
  tbl: string
  was: string | null
  now: string | null
}

/** The changes of audited tables, in order. Columns that no property shows (tree paths, discriminators' types) are left out. */
export async function truthOf(
  dataSource: DataSource,
  isAudited: (metadata: EntityMetadata) => boolean,
): Promise<Change[]> {
  const rows: TruthRow[] = await dataSource.query(
    `SELECT tbl, was, now FROM ${dataSource.driver.escape('truth')} ORDER BY seq`,
  )
  return rows.flatMap(({ tbl, was, now }) => {
    const before = parse(was)
    const after = parse(now)
    const entities = dataSource.entityMetadatas.filter(
      (one) => one.tableName === tbl && one.tableType !== 'entity-child',
    )
    const [metadata] = entities
    if (metadata === undefined) return []
    if (metadata.isJunction) {
      const owner = metadata.ownerColumns[0]
      const other = metadata.inverseColumns[0]
      const entity = owner?.referencedColumn?.entityMetadata
      const row = after ?? before
      if (!owner || !other || !entity || !row || !isAudited(entity)) return []
      const related = String(row[other.databaseName])
      const name =
        entity.ownerManyToManyRelations.find((one) => one.junctionEntityMetadata === metadata)?.propertyPath ?? ''
      return [
        {
          table: entity.tableName,
          pk: String(row[owner.databaseName]),
          values: { [name]: after ? [undefined, related] : [related, undefined] },
        },
      ]
    }
    if (metadata.tableType !== 'regular' || !isAudited(metadata)) return []
    const kind = (before ?? after)?.[metadata.discriminatorColumn?.databaseName ?? '']
    const concrete = metadata.childEntityMetadatas.find((child) => child.discriminatorValue === kind) ?? metadata
    const values: Change['values'] = {}
    for (const [name, column] of shownColumns(concrete)) {
      const from = before && canon(before[column])
      const to = after && canon(after[column])
      if (before && after && exact(before[column]) === exact(after[column])) continue
      values[name] = [from, to]
    }
    if (before && after && Object.keys(values).length === 0) return []
    return [{ table: tbl, pk: keyOf(metadata, (before ?? after) as Record<string, unknown>), values }]
  })
}

/** The same form of what the audit trail says; relations give one change for each link. */
export function trailOf(events: readonly AuditEvent[]): Change[] {
  return events.flatMap(({ instance, changes = {} }) => {
    const base = { table: instance?.table ?? '', pk: instance?.pk ?? 'unknown' }
    const values: Change['values'] = {}
    const links: Change[] = []
    for (const [name, change] of Object.entries(changes)) {
      const { added, removed } = change as { added?: unknown[]; removed?: unknown[] }
      if (added === undefined && removed === undefined) {
        const { from, to } = change as { from?: unknown; to?: unknown }
        values[name] = ['from' in change ? canon(from) : undefined, 'to' in change ? canon(to) : undefined]
        continue
      }
      for (const one of added ?? []) links.push({ ...base, values: { [name]: [undefined, String(one)] } })
      for (const one of removed ?? []) links.push({ ...base, values: { [name]: [String(one), undefined] } })
    }
    return links.length > 0 ? links : [{ ...base, values }]
  })
}

/** Sorted texts, one a change: equal as multisets is what they must be. */
export function lines(changes: readonly Change[]): string[] {
  return changes.map(line).sort()
}

export function line({ table, pk, values }: Change): string {
  const shown = Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1))
  return `${table} ${pk} ${shown.map(([name, [from, to]]) => `${name}:${from ?? (from === null ? 'NULL' : '')}>${to ?? (to === null ? 'NULL' : '')}`).join(' ')}`
}

/** Property names and their columns; a transformed value is compared as it is in the database. */
function shownColumns(metadata: EntityMetadata): [string, string][] {
  const plain = metadata.columns
    .filter((column) => !column.isVirtual && !column.isVirtualProperty)
    .map((column): [string, string] => [column.propertyPath, column.databaseName])
  const relations = metadata.relations
    .filter(
      (relation) =>
        relation.joinColumns.length > 0 &&
        relation.joinColumns.every((column) => column.isVirtual) &&
        relation.relationType !== 'many-to-many',
    )
    .map((relation): [string, string] => [relation.propertyPath, relation.joinColumns[0]?.databaseName ?? ''])
  const root = new Set(
    metadata.childEntityMetadatas.flatMap((child) => child.ownColumns.map((column) => column.databaseName)),
  )
  return [...plain, ...relations].filter(
    ([, column]) =>
      !root.has(column) ||
      metadata.ownColumns.some((own) => own.databaseName === column && own.target === metadata.target),
  )
}

function keyOf(metadata: EntityMetadata, row: Record<string, unknown>): string {
  const parts = metadata.primaryColumns.map(
    (column) => [column.propertyPath, String(row[column.databaseName])] as const,
  )
  return parts.length === 1
    ? String(parts[0]?.[1])
    : JSON.stringify(Object.fromEntries(parts.toSorted(([a], [b]) => (a < b ? -1 : 1))))
}

function parse(text: string | null): Record<string, unknown> | undefined {
  return text === null ? undefined : (JSON.parse(text) as Record<string, unknown>)
}

/** Values are equal when they are in the event's own resolution: milliseconds. */
function exact(value: unknown): string {
  const text = JSON.stringify(value) ?? ''
  return /^"\d{4}-\d\d-\d\d[T ]/.test(text) ? text.replace(/(\.\d{3})\d+/, '$1').replace(/\.?0+"$/, '"') : text
}

/** Numbers without needless zeros, dates as such: drivers write both in several ways. */
function canon(value: unknown): string | null {
  if (value === null || value === undefined) return null
  const text = String(value)
  if (/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text)) return 'a date'
  return /^-?\d+(\.\d+)?$/.test(text) ? String(Number(text)) : text
}

/** Every table with all its columns. */
function tablesOf(dataSource: DataSource): Map<string, string[]> {
  const tables = new Map<string, string[]>()
  for (const metadata of dataSource.entityMetadatas) {
    const names = metadata.columns.filter((column) => !column.isVirtualProperty).map((column) => column.databaseName)
    tables.set(metadata.tableName, [...new Set([...(tables.get(metadata.tableName) ?? []), ...names])])
  }
  return tables
}
