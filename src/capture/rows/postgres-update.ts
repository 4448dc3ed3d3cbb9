import type { DataSource, EntityMetadata } from 'typeorm'
import type { ColumnMetadata } from '../typeorm'
import { type WriteBuilder, withMethods } from './builder'
import { recordFields } from './record-text'
import { layoutOf, placedPropertiesOf, type Row, rootOf } from './row'

const OLD = '"__audit"'

/** The parts of the statement that depend only on which columns are set. */
interface Fragments {
  /** Columns of the CTE. */
  readonly read: string
  readonly join: string
  readonly returning: string
  readonly plan: UpdatePlan
}

/** What an UPDATE returns, in this order: old values, new values, and the rest as one text where any of it changed. */
export interface UpdatePlan {
  readonly before: readonly number[]
  readonly after: readonly number[]
  /** Columns that are not set. A trigger may change them all the same. */
  readonly rest: readonly number[]
  readonly size: number
  readonly columns: number
}

const fragments = new WeakMap<EntityMetadata, Map<string, Fragments>>()
/** Tables of which the database was seen to change columns that a statement did not set: read whole from then on. */
const whole = new WeakSet<EntityMetadata>()

/**
 * An UPDATE of PostgreSQL that gives each row before and after. From version 18 on RETURNING has both; before it, a CTE
 * locks and reads the rows first, in the same statement. The lock is the one that an UPDATE takes, so nothing waits that
 * would not have waited; the CTE is never inlined, because it locks.
 *
 * @param named whether the whole new row is wanted, to be asked for its name
 */
export function updateStatement(
  builder: WriteBuilder,
  metadata: EntityMetadata,
  dataSource: DataSource,
  named: boolean,
): { sql: string; parameters: unknown[]; plan: UpdatePlan } {
  let plan: UpdatePlan | undefined
  const getQuery = (): string => {
    let own = ''
    let where = ''
    const { createReturningExpression, createWhereExpression } = builder
    const methods = {
      // Taken when TypeORM asks for it: a soft delete adds a condition of its own just before.
      createWhereExpression: () => {
        where = createWhereExpression.call(builder)
        return ''
      },
      createReturningExpression: (type: string) => {
        own = createReturningExpression.call(builder, type)
        return ''
      },
    }
    const update = withMethods(builder, methods, () => builder.createUpdateExpression?.() ?? '')
    const tail = `${builder.createOrderByExpression?.() ?? ''}${builder.createLimitExpression?.() ?? ''}`
    const table = builder.getTableName(builder.getMainTableName())
    const returnsOld = hasOld(dataSource)
    const parts = fragmentsOf(builder, metadata, { update, table, named, returnsOld })
    plan = parts.plan
    const returning = `RETURNING ${own === '' ? '' : `${own}, `}${parts.returning}`
    const cte = builder.createCteExpression().trim()
    const comment = builder.createComment()
    if (returnsOld)
      return finish(builder, `${comment}${cte === '' ? '' : `${cte} `}${update}${where}${tail} ${returning}`)
    const old = `${OLD} AS (SELECT ${parts.read} FROM ${table}${where} FOR NO KEY UPDATE)`
    const begin = `${comment}${cte === '' ? 'WITH' : `${cte},`} ${old}`
    return finish(builder, `${begin} ${update} FROM ${OLD} WHERE ${parts.join}${tail} ${returning}`)
  }
  const [sql, parameters] = withMethods(builder, { getQuery }, () => builder.getQueryAndParameters())
  if (plan === undefined) throw new TypeError('TypeORM did not ask the builder for its query')
  return { sql, parameters, plan }
}

function finish(builder: WriteBuilder, statement: string): string {
  return builder.replacePropertyNamesForTheWholeQuery(statement)
}

/** https://www.postgresql.org/docs/18/dml-returning.html */
export function hasOld({ driver }: DataSource): boolean {
  return Number.parseInt(driver.version ?? '', 10) >= 18
}

interface Target {
  readonly update: string
  readonly table: string
  readonly named: boolean
  readonly returnsOld: boolean
}

function fragmentsOf(builder: WriteBuilder, metadata: EntityMetadata, target: Target): Fragments {
  const root = rootOf(metadata)
  const { names } = layoutOf(root)
  const all = whole.has(root)
  const set = all
    ? []
    : names.flatMap((name, place) => (target.update.includes(`${builder.escape(name)} = `) ? [place] : []))
  const key = `${target.returnsOld ? 'old' : 'cte'} ${target.named || all} ${all ? 'all' : set.join(' ')} ${target.table}`
  const cached = fragments.get(root) ?? new Map<string, Fragments>()
  fragments.set(root, cached)
  const known = cached.get(key)
  if (known !== undefined) return known
  const places = names.map((_, place) => place)
  const read = all ? places : readPlaces(root, set)
  const after = target.named || all ? places : read
  const rest = places.filter((place) => !read.includes(place))
  const made = write(builder, target, {
    names,
    root,
    plan: { before: read, after, rest, size: names.length, columns: 0 },
  })
  // A query builder in a loop may set ever other columns.
  if (cached.size > 100) cached.clear()
  cached.set(key, made)
  return made
}

/** Columns that are set, those of their properties, those that the database computes, and what tells whose row it is. */
function readPlaces(root: EntityMetadata, set: readonly number[]): number[] {
  const { columns, places } = layoutOf(root)
  const found = new Set(set)
  for (const metadata of [root, ...root.childEntityMetadatas]) {
    for (const property of placedPropertiesOf(metadata)) {
      if (property.places.some((place) => found.has(place))) for (const place of property.places) found.add(place)
    }
  }
  const always = (column: ColumnMetadata) =>
    column.isPrimary || column.isDiscriminator || column.asExpression !== undefined
  columns.forEach((column, place) => {
    if (always(column)) found.add(place)
  })
  const discriminator = root.discriminatorColumn && places.get(root.discriminatorColumn.databaseName)
  if (discriminator !== undefined) found.add(discriminator)
  return [...found].sort((a, b) => a - b)
}

function write(
  builder: WriteBuilder,
  { table, returnsOld }: Target,
  { names, root, plan }: { names: readonly string[]; root: EntityMetadata; plan: UpdatePlan },
): Fragments {
  const quoted = (place: number) => builder.escape(names[place] ?? '')
  const old = (place: number) => (returnsOld ? `old.${quoted(place)}` : `"__audit_${place}"`)
  const fresh = (place: number) => (returnsOld ? `new.${quoted(place)}` : `${table}.${quoted(place)}`)
  const { before, after, rest } = plan
  const list = [...before.map(old), ...after.map(fresh)]
  if (rest.length > 0) {
    const both = `ROW(${[...rest.map(old), ...rest.map(fresh)].join(', ')})`
    // The rows as they are stored: types without an operator for equality are compared too.
    const differs = `ROW(${rest.map(old).join(', ')})::record *<> ROW(${rest.map(fresh).join(', ')})::record`
    list.push(`CASE WHEN ${differs} THEN ${both}::text END`)
  }
  const keys = root.primaryColumns.map((column) => names.indexOf(column.databaseName))
  return {
    read: names.map((_, place) => `${quoted(place)} AS "__audit_${place}"`).join(', '),
    join: keys.map((place) => `${table}.${quoted(place)} = "__audit_${place}"`).join(' AND '),
    // Aliases, or TypeORM's own columns of the same names would be found twice.
    returning: list.map((value, index) => `${value} AS "__audit_r${index}"`).join(', '),
    plan: { ...plan, columns: list.length },
  }
}

/** The row before and after, and the text of what else has changed. */
export function readUpdated(
  { before, after, rest, size }: UpdatePlan,
  values: readonly unknown[],
  at: number,
): { before: unknown[]; after: unknown[]; text: string | undefined } {
  const from = new Array<unknown>(size).fill(undefined)
  const to = new Array<unknown>(size).fill(undefined)
  let next = at
  for (const place of before) from[place] = values[next++]
  for (const place of after) to[place] = values[next++]
  // What is read of the new row only is as it was, unless the text says otherwise.
  if (after.length > before.length) for (const place of rest) from[place] = to[place]
  const text = rest.length > 0 ? values[next] : undefined
  return { before: from, after: to, text: typeof text === 'string' ? text : undefined }
}

/** Puts what a trigger has changed into the rows, and has such tables read whole from now on. */
export function readRest(
  { rest }: UpdatePlan,
  metadata: EntityMetadata,
  { before, after, text }: { before: unknown[]; after: unknown[]; text: string },
  parsers: readonly ((text: string) => unknown)[],
): { before: Row; after: Row } {
  whole.add(rootOf(metadata))
  const fields = recordFields(text)
  rest.forEach((place, index) => {
    const parse = parsers[index]
    const read = (field: string | null | undefined) => (typeof field === 'string' && parse ? parse(field) : null)
    before[place] = read(fields[index])
    after[place] = read(fields[rest.length + index])
  })
  return { before, after }
}
