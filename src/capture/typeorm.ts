import type { DataSource, EntityMetadata, QueryRunner } from 'typeorm'

/** Everything that capture needs to know of TypeORM beyond its documented interface, for 0.3.31 and 1.x alike. */

export type ColumnMetadata = EntityMetadata['columns'][number]
export type RelationMetadata = EntityMetadata['relations'][number]

/** How a kind of database treats transactions. */
export type Family = 'postgres' | 'mysql' | 'sqlite' | 'other'

const FAMILIES: Readonly<Record<string, Family>> = {
  postgres: 'postgres',
  cockroachdb: 'postgres',
  mysql: 'mysql',
  mariadb: 'mysql',
  'aurora-mysql': 'mysql',
  'better-sqlite3': 'sqlite',
  sqlite: 'sqlite',
  sqljs: 'sqlite',
  expo: 'sqlite',
}

export function familyOf(dataSource: DataSource): Family {
  return FAMILIES[dataSource.options.type] ?? 'other'
}

const INTERCEPTABLE = new Set<string>(['postgres', 'mysql', 'mariadb', 'better-sqlite3', 'sqljs'])

/** Whether the rows of TypeORM's statements can be read with this driver. */
export function interceptable(dataSource: DataSource): boolean {
  return INTERCEPTABLE.has(dataSource.options.type)
}

/** What every event of a subscriber has; 0.3 calls the data source `connection`, 1.x has both. */
export interface SubscriberEvent {
  readonly dataSource?: DataSource
  readonly connection?: DataSource
  readonly queryRunner: QueryRunner
}

export function dataSourceOf(event: SubscriberEvent): DataSource | undefined {
  return event.dataSource ?? event.connection
}

/** A table path or a column name as TypeORM writes it into statements. */
export function escaped(event: SubscriberEvent, path: string): string {
  const dataSource = dataSourceOf(event)
  return dataSource === undefined ? path : escapedPath(dataSource, path)
}

export function escapedPath({ driver }: DataSource, path: string): string {
  return path
    .split('.')
    .map((part) => driver.escape(part))
    .join('.')
}

/** The table with its schema, or its database in MySQL, unless that is the data source's own. */
export function tableOf(metadata: EntityMetadata, dataSource: DataSource): string {
  const { schema, database, tableName } = metadata
  const { driver } = dataSource
  const family = familyOf(dataSource)
  const own = driver.schema ?? (family === 'postgres' ? 'public' : undefined)
  const parts = [
    database !== undefined && database !== driver.database ? database : undefined,
    // MySQL's and SQLite's drivers take no notice of it: the table is not in it.
    family !== 'mysql' && family !== 'sqlite' && schema !== undefined && schema !== own ? schema : undefined,
    tableName,
  ]
  return parts.filter((part) => part !== undefined).join('.')
}

/** The concrete class of a row in a table that several classes share: TypeORM's hooks often name the base instead. */
export function concreteMetadata(metadata: EntityMetadata, ...rows: unknown[]): EntityMetadata {
  if (metadata.childEntityMetadatas.length === 0) return metadata
  for (const row of rows) {
    if (typeof row !== 'object' || row === null) continue
    const found = metadata.childEntityMetadatas.find((child) => child.target === row.constructor)
    if (found !== undefined) return found
    if (row.constructor === metadata.target) return metadata
    const concrete = metadata.findInheritanceMetadata(row)
    if (concrete !== metadata) return concrete
  }
  return metadata
}

/** Whether code of the application may change an entity after TypeORM has loaded what it is going to compare. */
export function runsBeforeUpdate(dataSource: DataSource | undefined, metadata: EntityMetadata): boolean {
  if (metadata.beforeUpdateListeners.length > 0 || dataSource === undefined) return true
  return dataSource.subscribers.some(
    (one) =>
      one.beforeUpdate !== undefined || one.beforeInsert !== undefined || one.beforeTransactionStart !== undefined,
  )
}

/** pg's result of one statement. */
interface PostgresResult {
  readonly command?: unknown
  readonly rowCount?: unknown
}

/** The command tags that PostgreSQL answered with, one for each statement of the query. */
export function commandTags(raw: unknown): readonly string[] {
  const results = (Array.isArray(raw) ? raw : [raw]) as readonly (PostgresResult | null | undefined)[]
  return results.map((result) => (typeof result?.command === 'string' ? result.command : ''))
}

/** The OK packet that MySQL answers a statement without rows with (mysql2 and mysql). */
export interface OkPacket {
  readonly affectedRows: number
  readonly changedRows?: number
  readonly info?: string
  readonly message?: string
  readonly serverStatus: number
}

const SERVER_STATUS_IN_TRANS = 1
const SERVER_STATUS_AUTOCOMMIT = 2

let prototype: object = Object.prototype

/** Of the class that the driver makes its packets of, once it was seen. */
export function okPacketPrototype(): object {
  return prototype
}

export function okPacket(raw: unknown): OkPacket | undefined {
  const last: unknown = Array.isArray(raw) ? raw.at(-1) : raw
  if (typeof last !== 'object' || last === null) return undefined
  const { affectedRows, serverStatus, fieldCount } = last as Record<string, unknown>
  const valid = typeof affectedRows === 'number' && typeof serverStatus === 'number' && fieldCount === 0
  if (!valid) return undefined
  prototype = Object.getPrototypeOf(last) as object
  return last as OkPacket
}

/** What the server itself says of the connection after a statement: whether a transaction is open on it. */
export function inTransaction(packet: OkPacket): boolean {
  return (packet.serverStatus & SERVER_STATUS_IN_TRANS) !== 0
}

/** Whether a statement outside a transaction is committed by itself. */
export function autocommits(packet: OkPacket): boolean {
  return (packet.serverStatus & SERVER_STATUS_AUTOCOMMIT) !== 0
}

/** How many rows the statement that was just run has written; undefined where the driver does not say. */
export function rowsWritten(dataSource: DataSource, raw: unknown): number | undefined {
  switch (familyOf(dataSource)) {
    case 'postgres': {
      const count = (raw as PostgresResult | null | undefined)?.rowCount
      return typeof count === 'number' ? count : undefined
    }
    case 'mysql': {
      const packet = okPacket(raw)
      // Of an UPDATE, MySQL tells the rows it matched and, in words, the ones it changed; MariaDB's RETURNING, the rows.
      const words = /\bchanged:\s*(\d+)/i.exec(packet?.info ?? packet?.message ?? '')
      if (packet === undefined) return Array.isArray(raw) ? raw.length : undefined
      return words ? Number(words[1]) : packet.affectedRows
    }
    case 'sqlite':
      return rowsModified(dataSource.driver as SqliteDriver)
    default:
      return undefined
  }
}

/** The handle of sql.js or better-sqlite3, both synchronous: what they say of the last write is said of this one. */
interface SqliteDriver {
  readonly databaseConnection?: {
    getRowsModified?(): number
    prepare?(text: string): { pluck?(): { get(): unknown } }
  }
}

const counters = new WeakMap<object, { get(): unknown }>()

function rowsModified({ databaseConnection: handle }: SqliteDriver): number | undefined {
  if (handle?.getRowsModified !== undefined) return handle.getRowsModified()
  if (handle === undefined) return undefined
  // better-sqlite3 tells only whoever ran the statement, but SQLite remembers; no round trip, and no other connection.
  const counter = counters.get(handle) ?? handle.prepare?.('SELECT changes()').pluck?.()
  if (counter === undefined) return undefined
  counters.set(handle, counter)
  const count = counter.get()
  return typeof count === 'number' ? count : undefined
}
