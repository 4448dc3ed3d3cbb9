import type { DataSource } from 'typeorm'
import { familyOf } from '../typeorm'
import { metadataOf, sourceOf, type WriteBuilder, withMethods } from './builder'
import type { Row } from './row'

const BEFORE = '__audit_before'
const AFTER = '__audit_after'
const FRESH = '__audit_fresh'

/**
 * An UPDATE of PostgreSQL that locks and reads the rows first, in the same statement. The lock is the one that an UPDATE
 * takes, so nothing waits that would not have waited; the CTE is never inlined, because it locks.
 */
export function updateWithBefore(builder: WriteBuilder, names: readonly string[]): { getQuery: () => string } {
  const getQuery = (): string => {
    const table = tableOf(builder)
    const keys = keyNames(builder)
    const list = names.map((name, index) => `${builder.escape(name)} AS "${BEFORE}_${index}"`).join(', ')
    const read = `SELECT ${list} FROM ${table}${builder.createWhereExpression()} FOR NO KEY UPDATE`
    const join = keys.map((key) => `${table}.${builder.escape(key)} = "${BEFORE}"."${BEFORE}_${names.indexOf(key)}"`)
    const where = () => ` FROM "${BEFORE}" WHERE ${join.join(' AND ')}`
    const pairs = [...names.map((_, index) => `"${BEFORE}_${index}"`), ...afterList(builder, names, table)]
    const methods = { createWhereExpression: where, createReturningExpression: returning(builder, pairs.join(', ')) }
    const update = withMethods(builder, methods, () => builder.createUpdateExpression?.() ?? '')
    const tail = `${builder.createOrderByExpression?.() ?? ''}${builder.createLimitExpression?.() ?? ''}`
    const cte = builder.createCteExpression().trim()
    const comment = builder.createComment()
    const statement = `${comment}${cte === '' ? 'WITH' : `${cte},`} "${BEFORE}" AS (${read}) ${update}${tail}`
    return builder.replacePropertyNamesForTheWholeQuery(statement)
  }
  return { getQuery }
}

type Returning = Pick<WriteBuilder, 'createReturningExpression'> & Partial<Pick<WriteBuilder, 'getQuery'>>

/** An INSERT or DELETE that returns its rows whole. */
export function returningRows(
  builder: WriteBuilder,
  names: readonly string[],
  more: 'fresh' | 'text' | undefined,
): Returning {
  const list = afterList(builder, names)
  if (more === 'fresh') list.push(`(xmax = 0) AS "${FRESH}"`)
  const methods = { createReturningExpression: returning(builder, list.join(', ')) }
  if (more !== 'text') return methods
  // TypeORM writes no RETURNING into an INSERT of SQLite.
  const { getQuery } = builder
  return {
    createReturningExpression: () => '',
    getQuery: () => `${getQuery.call(builder)} RETURNING ${list.join(', ')}`,
  }
}

function returning(builder: WriteBuilder, list: string): (type: string) => string {
  const original = builder.createReturningExpression
  return (type) => {
    const own = original.call(builder, type)
    return own === '' ? list : `${own}, ${list}`
  }
}

function afterList(builder: WriteBuilder, names: readonly string[], table?: string): string[] {
  const prefix = table === undefined ? '' : `${table}.`
  return names.map((name, index) => `${readable(builder, name, prefix)} AS ${builder.escape(`${AFTER}_${index}`)}`)
}

/** SQLite's drivers read integers as JavaScript numbers, which changes large ones. */
function readable(builder: WriteBuilder, name: string, prefix = ''): string {
  const column = `${prefix}${builder.escape(name)}`
  const dataSource = sourceOf(builder)
  if (dataSource === undefined || familyOf(dataSource) !== 'sqlite') return column
  const big = metadataOf(builder)?.findColumnWithDatabaseName(name)?.type === 'bigint'
  return big ? `CAST(${column} AS TEXT)` : column
}

function selected(builder: WriteBuilder, name: string): string {
  const text = readable(builder, name)
  return text === builder.escape(name) ? text : `${text} AS ${builder.escape(name)}`
}

/** A SELECT of the rows that the builder's own WHERE matches. */
export function selectMatching(builder: WriteBuilder, names: readonly string[], lock: boolean): [string, unknown[]] {
  const getQuery = (): string => {
    const list = names.map((name) => selected(builder, name)).join(', ')
    const tail = `${builder.createOrderByExpression?.() ?? ''}${builder.createLimitExpression?.() ?? ''}`
    const where = builder.createWhereExpression()
    const select = `SELECT ${list} FROM ${tableOf(builder)}${where}${tail}${lock ? ' FOR UPDATE' : ''}`
    return builder.replacePropertyNamesForTheWholeQuery(`${builder.createCteExpression()}${select}`)
  }
  return withMethods(builder, { getQuery }, () => builder.getQueryAndParameters())
}

/** SELECTs of the rows that have these values in these columns, in pieces that every database takes. */
export function* selectByValues(
  builder: WriteBuilder,
  dataSource: DataSource,
  {
    names,
    columns,
    rows,
    lock,
  }: { names: readonly string[]; columns: readonly string[]; rows: readonly (readonly unknown[])[]; lock: string },
): Generator<[string, unknown[]]> {
  const list = names.map((name) => selected(builder, name)).join(', ')
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

/** Takes the columns that were added out of a record, and gives them as rows. */
export function takeRows(
  record: Record<string, unknown>,
  names: readonly string[],
): { before?: Row; after?: Row; fresh?: boolean } {
  const before = take(record, names, BEFORE)
  const after = take(record, names, AFTER)
  const fresh = record[FRESH]
  delete record[FRESH]
  return { ...(before && { before }), ...(after && { after }), ...(typeof fresh === 'boolean' && { fresh }) }
}

function take(record: Record<string, unknown>, names: readonly string[], prefix: string): Row | undefined {
  if (!Object.hasOwn(record, `${prefix}_0`)) return undefined
  const row: Record<string, unknown> = {}
  names.forEach((name, index) => {
    row[name] = record[`${prefix}_${index}`]
    delete record[`${prefix}_${index}`]
  })
  return row
}

export function keyNames(builder: WriteBuilder): string[] {
  return metadataOf(builder)?.primaryColumns.map((column) => column.databaseName) ?? []
}

function tableOf(builder: WriteBuilder): string {
  return builder.getTableName(builder.getMainTableName())
}
