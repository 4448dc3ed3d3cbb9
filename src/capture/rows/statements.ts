import { randomBytes } from 'node:crypto'
import type { DataSource } from 'typeorm'
import { familyOf } from '../typeorm'
import { metadataOf, sourceOf, type WriteBuilder, withMethods } from './builder'
import { type Layout, layoutOf, type Row, valuesOf } from './row'

const ADDED = '__audit_'

/** Other in each process, so that no text of an application holds it. */
const NONCE = randomBytes(6).toString('hex')

/** Stands for what is put in its place when TypeORM has made the statement. */
export function mark(name: string): string {
  return `"${ADDED}${name}_${NONCE}"`
}

/** Of a list: what TypeORM does to its own text takes long with all of ours. */
const LIST = mark('list')

/** A condition that something can stand behind: a comment at its end would take that with it. */
export function closedComment(where: string): string {
  return where.includes('--') ? `${where}\n` : where
}

/** The columns that are added to a RETURNING list, as TypeORM's own may be there too. */
export function returningList(builder: WriteBuilder): string {
  const { names } = layoutOfBuilder(builder)
  return names.map((name, place) => `${readable(builder, name)} AS ${builder.escape(`${ADDED}${place}`)}`).join(', ')
}

/**
 * The builder's statement with further expressions behind those that TypeORM itself has returned.
 *
 * @param list may depend on what TypeORM's are
 * @param first what stands before all of them
 */
export function returning(
  builder: WriteBuilder,
  list: string | ((own: string) => string),
  first = '',
): [string, unknown[]] {
  const { createReturningExpression, createWhereExpression } = builder
  let added = ''
  const both = (type: string) => {
    const own = createReturningExpression.call(builder, type)
    added = typeof list === 'string' ? list : list(own)
    if (added === '') return own
    return `${first}${own === '' ? LIST : `${own}, ${LIST}`}`
  }
  const methods = {
    createReturningExpression: both,
    createWhereExpression: () => closedComment(createWhereExpression.call(builder)),
  }
  const [sql, parameters] = withMethods(builder, methods, () => builder.getQueryAndParameters())
  return [sql.replace(LIST, () => added), parameters]
}

/** The same for SQLite, where TypeORM writes no RETURNING into an INSERT or an UPDATE. */
export function returningAtEnd(builder: WriteBuilder, list: string): [string, unknown[]] {
  const { getQuery } = builder
  const methods = {
    createReturningExpression: () => '',
    getQuery: () => `${getQuery.call(builder)} RETURNING ${list}`,
  }
  return withMethods(builder, methods, () => builder.getQueryAndParameters())
}

/** Takes the added columns out of a record, as a row. */
export function takeRow(record: Record<string, unknown>, { names }: Layout): Row {
  return names.map((_, place) => {
    const key = `${ADDED}${place}`
    const value = record[key]
    delete record[key]
    return value
  })
}

/** A SELECT of the rows that the builder's own WHERE matches; a lock may stand behind it. */
export function selectMatching(builder: WriteBuilder, list = selectList(builder)): [string, unknown[]] {
  const getQuery = (): string => {
    const tail = `${builder.createOrderByExpression?.() ?? ''}${builder.createLimitExpression?.() ?? ''}`
    const where = closedComment(builder.createWhereExpression())
    const select = `SELECT ${list} FROM ${tableOf(builder)}${where}${tail}`
    return builder.replacePropertyNamesForTheWholeQuery(`${builder.createCteExpression()}${select}`)
  }
  return withMethods(builder, { getQuery }, () => builder.getQueryAndParameters())
}

interface ByValues {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
}

/**
 * SELECTs of the rows that have these values in these columns, in pieces that every database takes.
 *
 * @param from what stands before the table
 * @param upserted of PostgreSQL: only rows that the upsert would find, and locked in the order of the values, as far as
 * their texts are PostgreSQL's
 */
export function* selectByValues(
  builder: WriteBuilder,
  dataSource: DataSource,
  {
    columns,
    rows,
    lock,
    more = '',
    from = '',
    upserted = false,
  }: ByValues & { lock: string | ((rows: number) => string); more?: string; from?: string; upserted?: boolean },
): Generator<[string, unknown[]]> {
  const list = `${selectList(builder)}${more}`
  const numbered = dataSource.options.type === 'postgres'
  const size = Math.max(1, Math.floor(500 / columns.length))
  for (let start = 0; start < rows.length; start += size) {
    const parameters: unknown[] = []
    const portion = rows.slice(start, start + size)
    const where = portion.map((row) => {
      const parts = columns.map((column, index) => {
        parameters.push(row[index])
        return `${builder.escape(column)} = ${numbered ? `$${parameters.length}` : '?'}`
      })
      return `(${parts.join(' AND ')})`
    })
    let rest = ''
    if (upserted) {
      parameters.push(portion.map((row) => row.join('\x1f')))
      const names = columns.map((column) => builder.escape(column))
      const text = names.map((name) => `${name}::text`).join(" || E'\\x1f' || ")
      const { indexPredicate } = builder.expressionMap.onUpdate ?? {}
      const predicate = indexPredicate === undefined ? '' : ` AND (${indexPredicate})`
      rest = `${predicate} ORDER BY array_position($${parameters.length}::text[], ${text}), ${names.join(', ')}`
    }
    const end = typeof lock === 'string' ? lock : lock(portion.length)
    const table = `${from}${tableOf(builder)}`
    yield [`SELECT ${list} FROM ${table} WHERE (${where.join(' OR ')})${rest}${end}`, parameters]
  }
}

/** Ends a SELECT of MySQL of rows that were just written: without a lock it sees, and fixes, the transaction's snapshot. */
export const AS_WRITTEN = ' LOCK IN SHARE MODE'

/**
 * SELECTs of MySQL of the rows with these keys that were just written.
 *
 * @param more what is asked beside their columns
 */
export function selectWritten(builder: WriteBuilder, dataSource: DataSource, by: ByValues, more = '') {
  // The LIMIT lets it use the key: of a large part of a table it would read, and lock, the whole.
  return selectByValues(builder, dataSource, { ...by, more, lock: (rows) => ` LIMIT ${rows}${AS_WRITTEN}` })
}

/** What MySQL counts on by; more than one where several servers write. */
const STEP = '@@auto_increment_increment'
const COUNTED = 1_000

/**
 * SELECTs of MySQL of the rows that one INSERT has just numbered, in the order in which it was given them.
 *
 * @param known whether their number was known before: then no other INSERT comes in between
 */
export function* selectCounted(
  builder: WriteBuilder,
  { first, count, known }: { first: number; count: number; known: boolean },
): Generator<[string, unknown[]]> {
  const key = builder.escape(keyNames(builder)[0] ?? '')
  const alone = known ? '' : ' AND @@innodb_autoinc_lock_mode < 2'
  const where = `${key} >= ? + ? * ${STEP} AND ${key} <= ? + ? * ${STEP} AND ${key} % ${STEP} = ? % ${STEP}${alone}`
  for (let start = 0; start < count; start += COUNTED) {
    const rows = Math.min(COUNTED, count - start)
    const text = `SELECT ${selectList(builder)} FROM ${tableOf(builder)} WHERE ${where} ORDER BY ${key} LIMIT ${rows}`
    yield [`${text}${AS_WRITTEN}`, [first, start, first, start + rows - 1, first]]
  }
}

/** What makes a condition of MySQL true of other rows each time it is asked. */
export const CHANCE = /\b(?:rand|random_bytes|uuid\w*|sys_guid|nextval)\s*\(|\bnext\s+value\b|:=/i

/**
 * The builder's statement for these rows only: where a LIMIT or chance chooses, an UPDATE may write others than a SELECT
 * of the same text reads.
 *
 * @returns undefined when a key is not exact: what the driver makes of it might match no row
 */
export function onlyRows(builder: WriteBuilder, rows: readonly Row[]): [string, unknown[]] | undefined {
  const { createWhereExpression } = builder
  const layout = layoutOfBuilder(builder)
  const names = keyNames(builder)
  const keys = rows.map((row) => valuesOf(layout, names, row))
  if (keys.length === 0 || !keys.every((key) => key.every(isExact))) return undefined
  const where = () => {
    const own = createWhereExpression.call(builder).replace(/^ WHERE /, '')
    const list = keys.map((key) => `(${key.map((value) => builder.createParameter(value)).join(', ')})`)
    const these = `(${names.map((name) => builder.escape(name)).join(', ')}) IN (${list.join(', ')})`
    // Chance has chosen already.
    return ` WHERE ${own === '' || CHANCE.test(own) ? these : `(${closedComment(own)}) AND ${these}`}`
  }
  return withMethods(builder, { createWhereExpression: where }, () => builder.getQueryAndParameters())
}

function isExact(value: unknown): boolean {
  return typeof value === 'string' || Number.isSafeInteger(value) || Buffer.isBuffer(value)
}

export function keyNames(builder: WriteBuilder): string[] {
  return metadataOf(builder)?.primaryColumns.map((column) => column.databaseName) ?? []
}

/** The text by which a row is found again. */
export function keyText(builder: WriteBuilder, row: Row): string {
  return keyTextOf(valuesOf(layoutOfBuilder(builder), keyNames(builder), row))
}

/** String() of a date has no milliseconds, and of a buffer that is no text the same for many. */
export function keyTextOf(values: readonly unknown[]): string {
  const text = (value: unknown) => {
    if (value instanceof Date) return String(value.getTime())
    return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value)
  }
  return JSON.stringify(values.map(text))
}

export function tableOf(builder: WriteBuilder): string {
  return builder.getTableName(builder.getMainTableName())
}

export function layoutOfBuilder(builder: WriteBuilder): Layout {
  const metadata = metadataOf(builder)
  if (metadata === undefined) throw new TypeError('the builder has no entity')
  return layoutOf(metadata)
}

function selectList(builder: WriteBuilder): string {
  return layoutOfBuilder(builder)
    .names.map((name) => `${readable(builder, name)} AS ${builder.escape(name)}`)
    .join(', ')
}

/** As TypeORM reads a column itself; and SQLite's drivers read integers as numbers, which changes large ones. */
export function readable(builder: WriteBuilder, name: string): string {
  const dataSource = sourceOf(builder)
  const escaped = builder.escape(name)
  const typed = (...types: unknown[]) => types.includes(metadataOf(builder)?.findColumnWithDatabaseName(name)?.type)
  switch (dataSource && familyOf(dataSource)) {
    case 'mysql':
      return typed(...(dataSource?.driver.spatialTypes ?? [])) ? `ST_AsText(${escaped})` : escaped
    case 'sqlite': {
      // With its table: SQLite takes a lone quoted name that is no column for a text. RETURNING knows no attached file.
      const column = `${builder.escape(builder.getMainTableName().split('.').at(-1) ?? '')}.${escaped}`
      return typed('bigint') ? `CAST(${column} AS TEXT)` : column
    }
    default:
      return escaped
  }
}
