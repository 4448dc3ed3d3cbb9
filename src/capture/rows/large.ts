import { familyOf } from '../typeorm'
import type { WriteBuilder } from './builder'
import { watchOthers } from './other-writers'
import { layoutOf } from './row'
import { AS_WRITTEN, CHANCE, keyNames, readable, selectMatching, tableOf } from './statements'
import type { Place, Ran, RowSink, WriteParts } from './write'

/** Up to so many rows are read into memory before a statement; more of them are kept by the database. */
export const MOST_ROWS = 2_000
const PORTION = 1_000
const TABLE = 'audit_logger_before'

/** The end of a SELECT of the rows before a statement: one more than may be kept, unless just these will be written. */
export function capped(chosen: boolean, lock: string): string {
  return chosen ? lock : ` LIMIT ${MOST_ROWS + 1}${lock}`
}

/** Whether the rows that a SELECT of this text finds may be others than its statement would: then these are written. */
export function isChosen(builder: WriteBuilder, select: string): boolean {
  return (builder.createLimitExpression?.() ?? '') !== '' || CHANCE.test(select)
}

/**
 * An UPDATE or DELETE of very many rows where the database returns no old values: a temporary table keeps them, and they
 * are read beside the new ones afterwards, a portion at a time.
 *
 * @param place within a transaction
 * @returns undefined when the table could not be created (no right to), and nothing was done
 */
export async function writeLarge(place: Place, parts: WriteParts, sink: RowSink): Promise<Ran | undefined> {
  const { queryRunner, send } = place
  const { builder, kind, dataSource } = parts
  const spool = builder.escape(TABLE)
  const sqlite = familyOf(dataSource) === 'sqlite'
  const othersWrote = watchOthers(parts)
  try {
    await queryRunner.query(...createSpool(parts, sqlite))
  } catch {
    // Then the rows are held in memory, which is better than a write that fails.
    return undefined
  }
  try {
    const result = await send(...builder.getQueryAndParameters())
    const doubt = othersWrote()
    let lost = 0
    let read = 0
    const select = selectPortion(parts, { sqlite, paired: kind !== 'delete' })
    for (let last = 0; ; ) {
      const records = (await queryRunner.query(select, [last])) as Record<string, unknown>[]
      read += records.length
      const since = othersWrote()
      for (const record of records) if (!hand(record, parts, sink, since)) lost += 1
      if (records.length < PORTION) break
      last = Number(records.at(-1)?.__audit_n)
    }
    return { result, unread: doubt ?? unreadOf({ lost, read, written: result.affected }) }
  } finally {
    // If the transaction is lost, so is the table; with the connection at the latest.
    await queryRunner.query(`DROP ${sqlite ? '' : 'TEMPORARY '}TABLE IF EXISTS ${spool}`).catch(() => undefined)
  }
}

function createSpool({ builder, metadata }: WriteParts, sqlite: boolean): [string, unknown[]] {
  const { names } = layoutOf(metadata)
  const list = names.map((name, place) => `${readable(builder, name)} AS ${builder.escape(`b${place}`)}`).join(', ')
  const spool = builder.escape(TABLE)
  const [select, values] = selectMatching(builder, list)
  const number = '`__audit_n` INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY'
  return [
    sqlite
      ? `CREATE TEMP TABLE ${spool} AS ${select}`
      : `CREATE TEMPORARY TABLE ${spool} (${number}) ${select} FOR UPDATE`,
    values,
  ]
}

function selectPortion(
  { builder, metadata }: WriteParts,
  { sqlite, paired }: { sqlite: boolean; paired: boolean },
): string {
  const { names } = layoutOf(metadata)
  const table = tableOf(builder)
  const spool = builder.escape(TABLE)
  const old = (place: number) => `${spool}.${builder.escape(`b${place}`)}`
  const number = sqlite ? `${spool}.rowid` : `${spool}.\`__audit_n\``
  const fresh = names.map((name, place) => `${qualified(builder, table, name)} AS ${builder.escape(`a${place}`)}`)
  const list = [
    `${number} AS ${builder.escape('__audit_n')}`,
    ...names.map((_, place) => old(place)),
    ...(paired ? fresh : []),
  ]
  const on = keyNames(builder).map((name) => `${table}.${builder.escape(name)} = ${old(names.indexOf(name))}`)
  const join = paired ? ` LEFT JOIN ${table} ON ${on.join(' AND ')}` : ''
  return `SELECT ${list.join(', ')} FROM ${spool}${join} WHERE ${number} > ? ORDER BY ${number} LIMIT ${PORTION}${sqlite ? '' : AS_WRITTEN}`
}

function qualified(builder: WriteParts['builder'], table: string, name: string): string {
  const column = readable(builder, name)
  return column === builder.escape(name) ? `${table}.${column}` : column
}

/** @returns false when the row was not found again */
function hand(
  record: Record<string, unknown>,
  { kind, builder, metadata }: WriteParts,
  sink: RowSink,
  doubt?: string,
): boolean {
  const { names } = layoutOf(metadata)
  const before = names.map((_, place) => record[`b${place}`])
  if (kind === 'delete') {
    sink.take(before, undefined)
    return true
  }
  const after = names.map((_, place) => record[`a${place}`])
  const found = keyNames(builder).every((name) => after[names.indexOf(name)] !== null)
  if (found) sink.take(before, after, doubt)
  return found
}

/** Why nothing is known of some rows: a statement sees what was committed, and what time it is, since they were read. */
export function unreadOf({ lost, read, written }: { lost: number; read: number; written?: number | undefined }) {
  if (written !== undefined && written > read)
    return `${written - read} rows began to match between reading and writing: their keys and values are not known`
  return lost > 0 ? `${lost} rows were given another key: their new values are not known` : undefined
}

/** The same where chance or a LIMIT chose, and the statement could not be told which rows. */
export const UNSURE =
  'the database chose the rows twice, as their keys are dates or broken numbers: others may have been written'
