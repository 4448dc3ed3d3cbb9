import type { DataSource } from 'typeorm'
import { familyOf } from '../typeorm'
import { metadataOf, sourceOf, type WriteBuilder, withMethods } from './builder'
import { type Layout, layoutOf, type Row } from './row'

const ADDED = '__audit_'

/** Stands for a list while TypeORM makes the statement: what it does to its own text takes long with all of ours. */
const MARK = '"__audit_list"'

/** The columns that are added to a RETURNING list, as TypeORM's own may be there too. */
export function returningList(builder: WriteBuilder): string {
  const { names } = layoutOfBuilder(builder)
  return names.map((name, place) => `${readable(builder, name)} AS ${builder.escape(`${ADDED}${place}`)}`).join(', ')
}

/**
 * The builder's statement with further expressions behind those that TypeORM itself has returned.
 *
 * @param list may depend on what TypeORM's are
 */
export function returning(builder: WriteBuilder, list: string | ((own: string) => string)): [string, unknown[]] {
  const { createReturningExpression } = builder
  let added = ''
  const both = (type: string) => {
    const own = createReturningExpression.call(builder, type)
    added = typeof list === 'string' ? list : list(own)
    if (added === '') return own
    return own === '' ? MARK : `${own}, ${MARK}`
  }
  const [sql, parameters] = withMethods(builder, { createReturningExpression: both }, () =>
    builder.getQueryAndParameters(),
  )
  return [sql.replace(MARK, () => added), parameters]
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

/** A SELECT of the rows that the builder's own WHERE matches. */
export function selectMatching(builder: WriteBuilder, lock: string, list = selectList(builder)): [string, unknown[]] {
  const getQuery = (): string => {
    const tail = `${builder.createOrderByExpression?.() ?? ''}${builder.createLimitExpression?.() ?? ''}`
    const where = builder.createWhereExpression()
    const select = `SELECT ${list} FROM ${tableOf(builder)}${where}${tail}${lock}`
    return builder.replacePropertyNamesForTheWholeQuery(`${builder.createCteExpression()}${select}`)
  }
  return withMethods(builder, { getQuery }, () => builder.getQueryAndParameters())
}

/** SELECTs of the rows that have these values in these columns, in pieces that every database takes. */
export function* selectByValues(
  builder: WriteBuilder,
  dataSource: DataSource,
  {
    columns,
    rows,
    lock,
    more = '',
  }: { columns: readonly string[]; rows: readonly (readonly unknown[])[]; lock: string; more?: string },
): Generator<[string, unknown[]]> {
  const list = `${selectList(builder)}${more}`
  const numbered = dataSource.options.type === 'postgres'
  const size = Math.max(1, Math.floor(500 / columns.length))
  for (let start = 0; start < rows.length; start += size) {
    const parameters: unknown[] = []
    const where = rows.slice(start, start + size).map((row) => {
      const parts = columns.map((column, index) => {
        parameters.push(row[index])
        return `${builder.escape(column)} = ${numbered ? `$${parameters.length}` : '?'}`
      })
      return `(${parts.join(' AND ')})`
    })
    yield [`SELECT ${list} FROM ${tableOf(builder)} WHERE ${where.join(' OR ')}${lock}`, parameters]
  }
}

export function keyNames(builder: WriteBuilder): string[] {
  return metadataOf(builder)?.primaryColumns.map((column) => column.databaseName) ?? []
}

/** The text by which a row is found again. */
export function keyText(builder: WriteBuilder, row: Row): string {
  const { places } = layoutOfBuilder(builder)
  return JSON.stringify(keyNames(builder).map((name) => String(row[places.get(name) ?? -1])))
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

/** SQLite's drivers read integers as JavaScript numbers, which changes large ones. */
export function readable(builder: WriteBuilder, name: string): string {
  const dataSource = sourceOf(builder)
  if (dataSource === undefined || familyOf(dataSource) !== 'sqlite') return builder.escape(name)
  // With its table: SQLite takes a lone quoted name that is no column for a text.
  const column = `${tableOf(builder)}.${builder.escape(name)}`
  return metadataOf(builder)?.findColumnWithDatabaseName(name)?.type === 'bigint' ? `CAST(${column} AS TEXT)` : column
}
