import type { DataSource, EntityMetadata } from 'typeorm'
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata'
import type { AuditEvent } from '../../../src/event/event'
import type { Noted, TruthRow } from './truth'

/** What an event must say, or says; many-to-many links are counted one by one, however many an event has. */
export interface Told {
  action: string
  model: string
  table: string
  pk: string | undefined
  changes: Record<string, unknown>
  /** The deletion date was set: the row is still there. */
  soft: boolean
}

/** What the audit trail must say of what the triggers noted, in order. */
export function expectedOf(
  dataSource: DataSource,
  noted: readonly Noted[],
  isAudited: (metadata: EntityMetadata) => boolean,
): Told[] {
  return noted.flatMap((one) => {
    const metadata = dataSource.entityMetadatas.find(
      ({ tablePath, tableType }) => tablePath === one.table && tableType !== 'entity-child' && tableType !== 'view',
    )
    if (metadata === undefined) return []
    if (metadata.isJunction) return linkOf(metadata, one, isAudited)
    if (metadata.tableType !== 'regular' || !isAudited(metadata)) return []
    return rowOf(dataSource, metadata, one)
  })
}

/** What it says. */
export function toldBy(events: readonly AuditEvent[]): Told[] {
  return events.flatMap(({ action, instance, changes = {}, content }) => {
    const base = {
      action,
      model: instance?.model ?? '',
      table: instance?.table ?? '',
      pk: instance?.pk,
      soft: content?.soft === true,
    }
    const values: Told['changes'] = {}
    const links: Told[] = []
    for (const [name, change] of Object.entries(changes)) {
      const { added, removed } = change as { added?: unknown[]; removed?: unknown[] }
      if (added === undefined && removed === undefined) values[name] = change
      for (const key of added ?? []) links.push({ ...base, changes: { [name]: { added: [key] } } })
      for (const key of removed ?? []) links.push({ ...base, changes: { [name]: { removed: [key] } } })
    }
    return links.length > 0 && Object.keys(values).length === 0 ? links : [{ ...base, changes: values }, ...links]
  })
}

/** One text for each, which a failing test shows well. */
export function line({ action, model, table, pk, changes, soft }: Told): string {
  const shown = Object.entries(changes).sort(([a], [b]) => (a < b ? -1 : 1))
  const values = shown.map(([name, change]) => `${name}=${JSON.stringify(change)}`)
  return [soft ? `${action} (soft)` : action, `${model} in ${table}`, pk ?? 'no key', ...values].join(' ')
}

/** Equal as multisets is what they must be. */
export function lines(told: readonly Told[]): string[] {
  return told.map(line).sort()
}

function rowOf(dataSource: DataSource, metadata: EntityMetadata, { before, after }: Noted): Told[] {
  const kind = (before ?? after)?.[metadata.discriminatorColumn?.databaseName ?? '']
  const concrete = metadata.childEntityMetadatas.find((child) => child.discriminatorValue === kind) ?? metadata
  const changes: Told['changes'] = {}
  for (const [name, read] of shownBy(dataSource, concrete)) {
    const [from, to] = [before && read(before), after && read(after)]
    if (before && after && from?.raw === to?.raw) continue
    changes[name] = { ...(from && { from: from.shown }), ...(to && { to: to.shown }) }
  }
  if (before && after && Object.keys(changes).length === 0) return []
  const deletion = metadata.deleteDateColumn?.databaseName ?? ''
  const soft =
    before !== undefined && after !== undefined && before[deletion] !== after[deletion] && Boolean(after[deletion])
  const action = before === undefined ? 'OBJ_CREATE' : after === undefined || soft ? 'OBJ_DELETE' : 'OBJ_UPDATE'
  const pk = keyOf(metadata.primaryColumns, (before ?? after) as TruthRow, (column) => column.databaseName)
  return [{ action, model: concrete.name, table: pathOf(concrete), pk, changes, soft }]
}

function linkOf(
  metadata: EntityMetadata,
  { before, after }: Noted,
  isAudited: (one: EntityMetadata) => boolean,
): Told[] {
  const owner = metadata.ownerColumns[0]?.referencedColumn?.entityMetadata
  const row = after ?? before
  if (owner === undefined || row === undefined || !isAudited(owner)) return []
  const relation = owner.ownerManyToManyRelations.find((one) => one.junctionEntityMetadata === metadata)
  const side = (columns: readonly ColumnMetadata[]) => {
    const named = new Map(columns.map((column) => [column.referencedColumn as ColumnMetadata, column.databaseName]))
    return keyOf([...named.keys()], row, (column) => named.get(column) ?? '')
  }
  const key = side(metadata.inverseColumns)
  const changes = { [relation?.propertyPath ?? '']: after ? { added: [key] } : { removed: [key] } }
  const pk = side(metadata.ownerColumns)
  return [{ action: 'OBJ_UPDATE', model: owner.name, table: pathOf(owner), pk, changes, soft: false }]
}

interface Value {
  raw: string
  shown: unknown
}

/** What an event shows of a row: properties, and relations whose columns have no property of their own. */
function shownBy(dataSource: DataSource, metadata: EntityMetadata): [string, (row: TruthRow) => Value][] {
  const columns = metadata.columns
    .filter((column) => !column.isVirtual && !column.isVirtualProperty)
    // The class of a shared table has its subclasses' columns in its metadata.
    .filter(({ target }) => !metadata.childEntityMetadatas.some((child) => child.target === target))
    .map((column): [string, (row: TruthRow) => Value] => [
      column.propertyPath,
      (row) => columnValue(dataSource, column, row[column.databaseName] ?? null),
    ])
  const relations = metadata.relations
    .filter(({ joinColumns, relationType }) => relationType !== 'many-to-many' && joinColumns.length > 0)
    .filter(({ joinColumns }) => joinColumns.every((column) => column.isVirtual))
    .map((relation): [string, (row: TruthRow) => Value] => [
      relation.propertyPath,
      (row) => {
        const named = new Map(relation.joinColumns.map((column) => [column.referencedColumn, column.databaseName]))
        const none = relation.joinColumns.some((column) => (row[column.databaseName] ?? null) === null)
        const key = none ? null : keyOf([...named.keys()] as ColumnMetadata[], row, (column) => named.get(column) ?? '')
        return { raw: String(key), shown: key }
      },
    ])
  return [...columns, ...relations]
}

function columnValue(dataSource: DataSource, column: ColumnMetadata, text: string | null): Value {
  if (text === null) return { raw: 'NULL', shown: null }
  const plain = plainOf(dataSource, column, text)
  const from = (column.transformer as { from(value: unknown): unknown } | undefined)?.from
  const shown = column.isSelect ? (from ? from(plain) : plain) : '***'
  return { raw: JSON.stringify(plain), shown }
}

/** The value as TypeORM gives it to the application. */
function plainOf({ options }: DataSource, { type, scale }: ColumnMetadata, text: string): unknown {
  const server = ['postgres', 'mariadb', 'mysql'].includes(options.type)
  switch (type) {
    case 'int':
    case 'int4':
    case 'integer':
    case Number:
      return Number(text)
    case 'boolean':
    case 'tinyint':
    case Boolean:
      return text === '1' || text === 'true'
    case 'decimal':
      return Number(text).toFixed(scale ?? 0)
    case Date:
    case 'datetime':
    case 'timestamp':
    case 'timestamp without time zone':
      // Below the milliseconds JavaScript has nothing. SQLite's dates are in UTC, the others' in this machine's zone.
      return new Date(`${text.replace(' ', 'T').replace(/(\.\d{3})\d+$/, '$1')}${server ? '' : 'Z'}`).toISOString()
    default:
      return text
  }
}

/** The key of one column is its text, that of several is JSON with sorted names. */
function keyOf(columns: readonly ColumnMetadata[], row: TruthRow, name: (column: ColumnMetadata) => string): string {
  const parts = columns.map((column): [string, string] => [column.propertyPath, String(row[name(column)])])
  if (parts.length === 1) return String(parts[0]?.[1])
  return JSON.stringify(Object.fromEntries(parts.sort(([a], [b]) => (a < b ? -1 : 1))))
}

/** The default schema is not said. */
function pathOf({ schema, tableName, connection, ...metadata }: EntityMetadata): string {
  const given = schema ?? (metadata as { parentEntityMetadata?: EntityMetadata }).parentEntityMetadata?.schema
  return connection?.options.type === 'postgres' && given !== undefined ? `${given}.${tableName}` : tableName
}
