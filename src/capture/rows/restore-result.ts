import type { DataSource } from 'typeorm'
import { familyOf, okPacketPrototype } from '../typeorm'
import { metadataOf, type StructuredResult, type WriteBuilder } from './builder'
import type { Row } from './row'
import type { WriteKind } from './row-drafts'
import { layoutOfBuilder } from './statements'
import type { Place } from './write'

interface RowsOf {
  readonly kind: WriteKind
  readonly builder: WriteBuilder
  readonly count: number
  readonly first: Row | undefined
}

/** Makes of a statement's result what it would have been without the columns that capture added and has taken out. */
export function restoreResult(
  result: StructuredResult,
  records: Record<string, unknown>[],
  dataSource: DataSource,
  { kind, builder, count, first }: RowsOf,
): void {
  // TypeORM asked for columns itself.
  if (records.some((record) => Object.keys(record).length > 0)) return
  records.length = 0
  switch (familyOf(dataSource)) {
    case 'mysql':
      if (!Array.isArray(result.raw)) return
      result.raw = kind === 'insert' ? insertPacket(builder, count, first) : okPacket({ affectedRows: count })
      result.records = []
      result.affected = count
      return
    case 'sqlite':
      if (Array.isArray(result.raw)) result.raw.length = 0
      result.affected = count
      if (dataSource.options.type === 'better-sqlite3') result.raw = lastRowId(dataSource)
      return
    default:
  }
}

/** What mysql2 answers a statement without RETURNING with. */
function okPacket(fields: object): object {
  const packet = {
    fieldCount: 0,
    affectedRows: 0,
    insertId: 0,
    info: '',
    serverStatus: 2,
    warningStatus: 0,
    changedRows: 0,
  }
  return Object.assign(Object.create(okPacketPrototype()) as object, packet, fields)
}

function insertPacket(builder: WriteBuilder, count: number, first: Row | undefined): object {
  const { valuesSet, onIgnore, onUpdate } = builder.expressionMap
  const given = Array.isArray(valuesSet) ? valuesSet.length : 1
  const duplicates = onIgnore ? given - count : 0
  const info = given > 1 && !onUpdate ? `Records: ${given}  Duplicates: ${duplicates}  Warnings: ${duplicates}` : ''
  return okPacket({ affectedRows: count, insertId: insertId(builder, first), info, warningStatus: duplicates })
}

/** Of each row that it updates, an upsert counts two, and one where nothing had to be changed. */
export function restoreUpsert(
  result: StructuredResult,
  builder: WriteBuilder,
  { inserted, changed, unchanged }: { inserted: number; changed: number; unchanged: number },
): void {
  if (Array.isArray(result.raw) || typeof result.raw !== 'object' || result.raw === null) return
  const affectedRows = inserted + 2 * changed + unchanged
  const { valuesSet } = builder.expressionMap
  const given = Array.isArray(valuesSet) ? valuesSet.length : 1
  const info = given > 1 ? `Records: ${given}  Duplicates: ${changed + unchanged}  Warnings: 0` : ''
  Object.assign(result.raw, { affectedRows, info })
  result.affected = affectedRows
}

/**
 * Takes back warnings that a statement has had for what was added to it.
 *
 * @param added how many MySQL gives, which finds more to warn of than MariaDB
 */
export function restoreWarnings({ raw }: StructuredResult, { driver }: DataSource, added: number): void {
  const [major = 0, minor = 0, patch = 0] = (driver.version ?? '').split('.').map(Number)
  const packet = raw as { warningStatus?: number; info?: string } | undefined
  // MariaDB's versions begin with 10.
  const warns = major === 9 || (major === 8 && (minor > 0 || patch >= 20))
  if (!warns || packet?.warningStatus === undefined || packet.warningStatus < added) return
  packet.warningStatus -= added
  if (packet.info !== undefined) packet.info = packet.info.replace(/Warnings: \d+/, `Warnings: ${packet.warningStatus}`)
}

const IN_TRANSACTION = 1

/** MySQL says with each result whether a transaction is open: the application has begun none. */
export function restoreStatus({ raw }: StructuredResult, { alone }: Place): void {
  const packet = raw as { serverStatus?: number } | undefined
  if (alone && typeof packet?.serverStatus === 'number') packet.serverStatus &= ~IN_TRANSACTION
}

function insertId(builder: WriteBuilder, first: Row | undefined): number {
  const column = metadataOf(builder)?.columns.find((one) => one.generationStrategy === 'increment')
  return column === undefined || first === undefined
    ? 0
    : Number(first[layoutOfBuilder(builder).places.get(column.databaseName) ?? -1])
}

function lastRowId({ driver }: DataSource): unknown {
  const { databaseConnection } = driver as unknown as {
    databaseConnection: { prepare(sql: string): { get(): { id: unknown } } }
  }
  return databaseConnection.prepare('SELECT last_insert_rowid() AS id').get().id
}
