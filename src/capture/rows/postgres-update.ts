import type { DataSource, EntityMetadata } from 'typeorm'
import { type WriteBuilder, withMethods } from './builder'
import { hasKeyColumn } from './conflict-keys'
import { layoutOf, placedPropertiesOf, rootOf } from './row'
import { closedComment, mark, tableOf } from './statements'

const OLD = '"__audit"'

/** A statement and how what it returns is read. */
interface Planned {
  readonly sql: string
  readonly plan: UpdatePlan
}

/** What an UPDATE returns, in this order: old values, new values, and the rest in one text where any of it changed. */
export interface UpdatePlan {
  readonly before: readonly number[]
  readonly after: readonly number[]
  /** Columns that are not set. A trigger may change them all the same. */
  readonly rest: readonly number[]
  /** Where each old value's new one stands in `after`. */
  readonly places: readonly number[]
  readonly size: number
  readonly columns: number
}

/** By what TypeORM writes. */
const statements = new WeakMap<EntityMetadata, Map<string, Planned>>()
/** A query builder in a loop may write ever other statements, with lists of keys that are never as long as the last. */
const MOST_KEPT = { statements: 200, length: 2_000 }
/** Some less than it really returns: TypeORM's own may be among them. */
const MOST_COLUMNS = 1_600
/** Tables of which the database was seen to change columns that a statement did not set: read whole from then on. */
const whole = new WeakSet<EntityMetadata>()

/**
 * An UPDATE of PostgreSQL that gives each row before and after. From version 18 on RETURNING has both; before it, a CTE
 * locks and reads the rows first, in the same statement. The lock is the one that an UPDATE takes, so nothing waits that
 * would not have waited, and none is made stricter while it is held, which may deadlock; the CTE is never inlined,
 * because it locks.
 *
 * @param named whether the whole new row is wanted, to be asked for its name
 */
export function updateStatement(
  builder: WriteBuilder,
  metadata: EntityMetadata,
  dataSource: DataSource,
  named: boolean,
): { sql: string; parameters: unknown[]; plan: UpdatePlan } {
  const { written, parameters, hasCte } = markedUpdate(builder, hasOld(dataSource))
  const root = rootOf(metadata)
  const all = whole.has(root)
  const key = `${all} ${named} ${written}`
  const kept = statements.get(root) ?? new Map<string, Planned>()
  statements.set(root, kept)
  const known = kept.get(key)
  if (known !== undefined) return { ...known, parameters }
  const table = tableOf(builder)
  const made = planned(builder, root, { written, hasCte, table, named, all, returnsOld: hasOld(dataSource) })
  if (kept.size >= MOST_KEPT.statements) kept.clear()
  if (key.length <= MOST_KEPT.length) kept.set(key, made)
  return { ...made, parameters }
}

/** Stand for places in the statement while TypeORM makes it: what it does to its own text takes long with all of ours. */
const MARKS = { cte: mark('cte'), where: ` ${mark('where')}`, end: ` ${mark('end')}`, list: mark('list') }

function markedUpdate(
  builder: WriteBuilder,
  returnsOld: boolean,
): { written: string; parameters: unknown[]; hasCte: boolean } {
  let hasCte = false
  const { createReturningExpression, createWhereExpression } = builder
  const methods = {
    // Its own puts the CTE of a soft delete behind the UPDATE.
    getQuery: () => {
      const cte = builder.createCteExpression()
      hasCte = cte !== ''
      const begin = `${builder.createComment()}${cte}${MARKS.cte}${builder.createUpdateExpression?.() ?? ''}`
      const tail = `${builder.createOrderByExpression?.() ?? ''}${builder.createLimitExpression?.() ?? ''}`
      return builder.replacePropertyNamesForTheWholeQuery(`${begin}${tail}`)
    },
    // Asked for when TypeORM does: a soft delete adds a condition of its own just before.
    createWhereExpression: () => `${MARKS.where}${createWhereExpression.call(builder)}${MARKS.end}`,
    createReturningExpression: (type: string) => {
      const own = createReturningExpression.call(builder, type)
      const list = own === '' ? MARKS.list : `${ofTable(builder, own)}, ${MARKS.list}`
      return returnsOld ? `${oldRow(builder, tableOf(builder)).declared}${list}` : list
    },
  }
  const [written, parameters] = withMethods(builder, methods, () => builder.getQueryAndParameters())
  return { written, parameters, hasCte }
}

/** `*` is all of the table's columns, and none of the CTE's. */
function ofTable(builder: WriteBuilder, list: string): string {
  return list.includes('*') ? list.replace(/(?<=^\s*|,\s*)\*(?=\s*(?:,|$))/g, () => `${tableOf(builder)}.*`) : list
}

/** What stands before the mark, and behind it. */
function cut(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark)
  if (at === -1) throw new TypeError('TypeORM has not asked the builder for a part of its query')
  return [text.slice(0, at), text.slice(at + mark.length)]
}

/** https://www.postgresql.org/docs/18/dml-returning.html */
export function hasOld({ driver }: DataSource): boolean {
  return Number.parseInt(driver.version ?? '', 10) >= 18
}

/** What stands for the old row: `old`, unless that is what the table is called. */
export function oldRow(builder: WriteBuilder, table: string): { name: string; declared: string } {
  const taken = /(^|\.)"old"$/.test(table) || builder.expressionMap.mainAlias?.name === 'old'
  return taken ? { name: OLD, declared: `WITH (OLD AS ${OLD}) ` } : { name: 'old', declared: '' }
}

interface Target {
  /** By TypeORM, with the marks. */
  readonly written: string
  readonly hasCte: boolean
  readonly table: string
  readonly named: boolean
  /** Whether all columns are read, whichever are set. */
  readonly all: boolean
  readonly returnsOld: boolean
}

function planned(builder: WriteBuilder, root: EntityMetadata, target: Target): Planned {
  const { written, hasCte, table, named, all, returnsOld } = target
  const { names } = layoutOf(root)
  const [head, rest] = cut(written, MARKS.cte)
  const [update, fromWhere] = cut(rest, MARKS.where)
  const [where, fromReturning] = cut(fromWhere, MARKS.end)
  const [returning, tail] = cut(fromReturning, MARKS.list)
  const places = names.map((_, place) => place)
  const set = names.flatMap((name, place) => (update.includes(`${builder.escape(name)} = `) ? [place] : []))
  const read = all ? places : readPlaces(root, set)
  const after = named ? places : read
  // What only tells whose row it is is compared with the rest: a trigger may change even that.
  const before = all ? places : read.filter((place) => set.includes(place) || !tellsWhose(root, place))
  const others = places.filter((place) => !before.includes(place))
  const parts = { names, root, table, returnsOld, before, after, rest: others }
  const { list, old, join } = partsOf(builder, parts)
  if (list.length > MOST_COLUMNS) throw new RangeError(`PostgreSQL returns ${MOST_COLUMNS} columns at most`)
  const fresh = before.map((place) => after.indexOf(place))
  const plan = { before, after, rest: others, places: fresh, size: names.length, columns: list.length }
  // Aliases, or TypeORM's own columns of the same names would be found twice.
  const listed = list.map((value, index) => `${value} AS "__audit_r${index}"`).join(', ')
  const condition = closedComment(where)
  if (returnsOld) return { sql: `${head}${update}${condition}${returning}${listed}${tail}`, plan }
  const lock = hasKeyColumn(
    root,
    set.map((place) => names[place] ?? ''),
  )
    ? 'UPDATE'
    : 'NO KEY UPDATE'
  const locked = `${OLD} AS (SELECT ${old} FROM ${table}${condition} FOR ${lock})`
  const begin = `${head}${hasCte ? ', ' : 'WITH '}${locked}`
  return { sql: `${begin} ${update} FROM ${OLD} WHERE ${join}${returning}${listed}${tail}`, plan }
}

/** Columns that are set, those of their properties, those that the database computes, and what tells whose row it is. */
function readPlaces(root: EntityMetadata, set: readonly number[]): number[] {
  const { columns } = layoutOf(root)
  const found = new Set(set)
  for (const metadata of [root, ...root.childEntityMetadatas]) {
    for (const property of placedPropertiesOf(metadata)) {
      if (property.places.some((place) => found.has(place))) for (const place of property.places) found.add(place)
    }
  }
  columns.forEach((column, place) => {
    if (tellsWhose(root, place) || column.asExpression !== undefined) found.add(place)
  })
  return [...found].sort((a, b) => a - b)
}

function tellsWhose(root: EntityMetadata, place: number): boolean {
  const { columns, places } = layoutOf(root)
  const { discriminatorColumn } = root
  const column = columns[place]
  return (
    column?.isPrimary === true ||
    (discriminatorColumn !== undefined && places.get(discriminatorColumn.databaseName) === place)
  )
}

interface Parts {
  readonly names: readonly string[]
  readonly root: EntityMetadata
  readonly table: string
  readonly returnsOld: boolean
  readonly before: readonly number[]
  readonly after: readonly number[]
  readonly rest: readonly number[]
}

/** What is returned, what the CTE reads, and how it is joined. */
function partsOf(builder: WriteBuilder, { names, root, table, returnsOld, before, after, rest }: Parts) {
  const quoted = (place: number) => builder.escape(names[place] ?? '')
  const { name } = oldRow(builder, table)
  const old = (place: number) => (returnsOld ? `${name}.${quoted(place)}` : `"__audit_${place}"`)
  const fresh = (place: number) => (returnsOld ? `new.${quoted(place)}` : `${table}.${quoted(place)}`)
  const list = [...before.map(old), ...after.map(fresh)]
  const keys = root.primaryColumns.map((column) => names.indexOf(column.databaseName))
  const read = [...new Set([...before, ...keys])].map((place) => `${quoted(place)} AS "__audit_${place}"`)
  if (rest.length > 0) {
    // The rows as they are stored: types without an operator for equality are compared too.
    const oldRest = returnsOld ? `ROW(${rest.map(old).join(', ')})::record` : '"__audit_rest"'
    const newRest = `ROW(${rest.map(fresh).join(', ')})`
    list.push(`CASE WHEN ${oldRest} *<> ${newRest}::record THEN ROW(${oldRest}, ${newRest})::text END`)
    read.push(`ROW(${rest.map(quoted).join(', ')})::record AS "__audit_rest"`)
  }
  const join = keys.map((place) => `${table}.${quoted(place)} = "__audit_${place}"`).join(' AND ')
  return { list, old: read.join(', '), join }
}

/** Has a table read whole from now on. */
export function readWhole(metadata: EntityMetadata): void {
  whole.add(rootOf(metadata))
}
