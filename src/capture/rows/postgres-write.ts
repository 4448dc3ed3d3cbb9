import type { EntityMetadata, QueryRunner } from 'typeorm'
import { overwritten, type WriteBuilder } from './builder'
import { conflictKeys, hasKeyColumn } from './conflict-keys'
import { type RowPlan, returningRow, SentWhole } from './postgres-returning'
import { queryClassOf, type Reader, readColumn, readersOf, stream } from './postgres-stream'
import { hasOld, oldRow, readWhole, type UpdatePlan, updateStatement } from './postgres-update'
import { hasMore, isUnchanged, readWithRest, SentUpdate } from './postgres-updated-row'
import { UNKEYED } from './readability'
import { recordFields } from './record-text'
import { layoutOf, placesOf, type Row, rootOf, rowOf } from './row'
import { returning, returningList, selectByValues, tableOf } from './statements'
import { type Place, type Ran, type RowSink, type RowWrite, sizeOf, type WriteParts } from './write'

const UNFOUND =
  'their old values are not known: another transaction inserted them meanwhile, or the database made the key that they were found by'
const PARTITIONED =
  'an upsert into a partitioned table: the row was not there before, but another transaction may have inserted it meanwhile'

/** A write to PostgreSQL: its own statement gives the rows, one by one. */
export class PostgresWrite implements RowWrite {
  readonly #parts: WriteParts
  readonly #Query: NonNullable<ReturnType<typeof queryClassOf>>
  readonly #upsert: boolean
  #plan: UpdatePlan | undefined
  #rowPlan: RowPlan | undefined

  private constructor(parts: WriteParts, Query: NonNullable<ReturnType<typeof queryClassOf>>) {
    this.#parts = parts
    this.#Query = Query
    this.#upsert = parts.kind === 'insert' && overwritten(parts.builder) !== undefined
  }

  static of(parts: WriteParts): PostgresWrite | undefined {
    const Query = queryClassOf(parts.dataSource.driver)
    return Query && new PostgresWrite(parts, Query)
  }

  compound(): boolean {
    return this.#upsert && !hasOld(this.#parts.dataSource)
  }

  statement(): [string, unknown[]] {
    const { builder, kind, metadata, dataSource, named } = this.#parts
    if (this.#upsert && hasOld(dataSource)) {
      const { name, declared } = oldRow(builder, tableOf(builder))
      return returning(builder, oldAndNew(builder, layoutOf(metadata).names, name), declared)
    }
    if (this.#upsert) return returning(builder, returningList(builder))
    if (kind === 'insert' || kind === 'delete') {
      const { sql, parameters, plan } = returningRow(builder, metadata)
      this.#rowPlan = plan
      return [sql, parameters]
    }
    const { sql, parameters, plan } = updateStatement(builder, metadata, dataSource, named)
    this.#plan = plan
    return [sql, parameters]
  }

  run(place: Place, statement: readonly [string, unknown[]], sink: RowSink): Promise<Ran> {
    if (this.#plan !== undefined) return this.#update(place, statement, { plan: this.#plan, sink })
    if (this.#rowPlan !== undefined) return this.#whole(place, statement, { plan: this.#rowPlan, sink })
    return hasOld(this.#parts.dataSource)
      ? this.#upsertReturning(place, statement, sink)
      : this.#runUpsert(place, statement, sink)
  }

  async #whole(
    { queryRunner, send }: Place,
    [sql, parameters]: readonly [string, unknown[]],
    { plan, sink }: { plan: RowPlan; sink: RowSink },
  ): Promise<Ran> {
    const deleted = this.#parts.kind === 'delete'
    const { added } = plan
    const onRow = (values: readonly unknown[], at: number, readers: readonly Reader[]) => {
      sink.takeSoon(new SentWhole(plan, { values, at, readers }, deleted))
    }
    const result = await stream(queryRunner, send, this.#Query, { sql, parameters, added, asSent: true, onRow })
    return { result }
  }

  async #update(
    place: Place,
    [sql, parameters]: readonly [string, unknown[]],
    { plan, sink }: { plan: UpdatePlan; sink: RowSink },
  ): Promise<Ran> {
    const { builder, dataSource } = this.#parts
    // save() joins by a key that the catalogue was not asked for: where it is none, there are more rows than entities.
    const saved = hasOld(dataSource) ? 0 : builder.expressionMap.whereEntities.length
    const rows: SentUpdate[] = []
    const later: SentUpdate[] = []
    const take = (sent: SentUpdate) => {
      if (hasMore(sent)) later.push(sent)
      else if (!isUnchanged(sent)) sink.takeSoon(sent)
    }
    const onRow = (values: readonly unknown[], at: number, readers: readonly Reader[]) => {
      const sent = new SentUpdate(plan, values, at, readers)
      if (saved > 0) rows.push(sent)
      else take(sent)
    }
    const { queryRunner, send } = place
    const streamed = { sql, parameters, added: plan.columns, asSent: true, onRow }
    const result = await stream(queryRunner, send, this.#Query, streamed)
    if (rows.length > saved) return { result, unread: `${rows.length} rows were written, ${UNKEYED}` }
    for (const sent of rows) take(sent)
    if (later.length > 0) await this.#readLater(place, later, { plan, sink })
    return { result }
  }

  /** Asks how pg reads the columns that a trigger has changed: once a table, which is read whole from then on. */
  async #readLater(
    { queryRunner, send }: Place,
    later: readonly SentUpdate[],
    { plan, sink }: { plan: UpdatePlan; sink: RowSink },
  ): Promise<void> {
    const { builder, metadata } = this.#parts
    const { names } = layoutOf(metadata)
    const columns = plan.rest.map((index) => builder.escape(names[index] ?? ''))
    const select = `SELECT ${columns.join(', ')} FROM ${tableOf(builder)} WHERE false`
    const readers = await readersOf(queryRunner, send, select)
    readWhole(metadata)
    for (const sent of later) sink.takeSoon({ read: () => readWithRest(sent, readers), size: sent.size })
  }

  /** From version 18 on the statement says itself what was there. */
  async #upsertReturning(
    { queryRunner, send }: Place,
    [sql, parameters]: readonly [string, unknown[]],
    sink: RowSink,
  ): Promise<Ran> {
    const { metadata } = this.#parts
    const size = layoutOf(metadata).names.length
    const keys = placesOf(metadata, rootOf(metadata).primaryColumns)
    const onRow = (values: readonly unknown[], at: number, readers: readonly Reader[]) => {
      const before = values.slice(at, at + size)
      const inserted = keys.some((place) => before[place] === null)
      const changed = before.flatMap((text, place) => (text === values[at + size + place] ? [] : [place]))
      if (changed.length === 0) return
      const side = (from: number) => before.map((_, place) => readColumn(values, from + place, readers))
      const read = () => ({ ...(!inserted && { before: side(at), changed }), after: side(at + size) })
      sink.takeSoon({ read, size: sizeOf(values) })
    }
    return {
      result: await stream(queryRunner, send, this.#Query, { sql, parameters, added: 2 * size, asSent: true, onRow }),
    }
  }

  /** Which rows were there already is looked up by the keys that may conflict, and locked. */
  async #runUpsert(place: Place, [sql, parameters]: readonly [string, unknown[]], sink: RowSink): Promise<Ran> {
    const { builder, metadata, dataSource } = this.#parts
    const { queryRunner, send } = place
    const layout = layoutOf(metadata)
    const asked = conflictKeys(builder, metadata, dataSource)
    const written = overwritten(builder) ?? []
    // By texts of the database: what the driver makes of two values may look alike.
    const textOf = (names: readonly string[]) => `ROW(${names.map((name) => builder.escape(name)).join(', ')})::text`
    const primary = rootOf(metadata).primaryColumns.map((column) => column.databaseName)
    const [only, ...others] = asked
    // A row that was found by another key may be given a new primary key, even the one that another row had.
    const keeps = !primary.some((column) => written.includes(column))
    const kept = keeps || (only !== undefined && others.length === 0)
    const conflict = textOf(keeps || only === undefined || others.length > 0 ? primary : only.columns)
    const text = textOf(layout.names)
    const before = new Map<string, Known | undefined>()
    for (const { columns, rows } of asked) {
      const more = `, ${conflict} AS "__audit_conflict", ${text} AS "__audit_text"`
      // As the upsert itself will lock them.
      const lock = ` FOR ${hasKeyColumn(metadata, written) ? 'UPDATE' : 'NO KEY UPDATE'}`
      for (const [select, values] of selectByValues(builder, dataSource, {
        columns,
        rows,
        lock,
        more,
        upserted: true,
      })) {
        for (const record of (await queryRunner.query(select, values)) as Record<string, unknown>[]) {
          const found = String(record.__audit_conflict)
          const known = { row: rowOf(layout, record), text: String(record.__audit_text) }
          before.set(found, before.has(found) && kept ? undefined : known)
        }
      }
    }
    // The only row that there was, though the new spelling of its key has another text (citext).
    const [lone] = asked.length === 1 && only?.rows.length === 1 ? before.values() : []
    // A system column, which a partitioned table does not return: 0 in a row that was inserted.
    const tells = !(await isPartitioned(queryRunner, metadata, tableOf(builder)))
    const keyed = `${sql}, ${conflict} AS "__audit_conflict", ${text} AS "__audit_text"`
    const statement = tells ? `${keyed}, (xmax = 0) AS "__audit_fresh"` : keyed
    let unread = 0
    const onRow = (values: readonly unknown[], at: number) => {
      const end = at + layout.names.length
      const after = values.slice(at, end)
      const fresh = tells && values[end + 2] === true
      const same = fresh && !kept ? undefined : before.get(String(values[end]))
      const was = same ?? (fresh ? undefined : lone)
      if (was !== undefined) takeUpserted(sink, was, { row: after, text: String(values[end + 1]) })
      else if (!tells) sink.take(undefined, after, PARTITIONED)
      else if (fresh) sink.take(undefined, after)
      else unread += 1
    }
    const added = layout.names.length + (tells ? 3 : 2)
    const result = await stream(queryRunner, send, this.#Query, {
      sql: statement,
      parameters,
      added,
      asSent: false,
      onRow,
    })
    return { result, ...(unread > 0 && { unread: `${unread} rows were updated by an upsert: ${UNFOUND}` }) }
  }
}

/** A row, and all of it as the database writes it. */
interface Known {
  readonly row: Row
  readonly text: string
}

function takeUpserted(sink: RowSink, { row: before, text: from }: Known, { row: after, text: to }: Known): void {
  if (from === to) return
  const read = () => {
    const fields = recordFields(from)
    const changed = recordFields(to).flatMap((field, place) => (field === fields[place] ? [] : [place]))
    return { before, after, changed }
  }
  sink.takeSoon({ read, size: sizeOf(before) + sizeOf(after) })
}

function oldAndNew(builder: WriteBuilder, names: readonly string[], old: string): string {
  const side = (row: string, label: string) =>
    names.map((name, place) => `${row}.${builder.escape(name)} AS "__audit_${label}_${place}"`)
  return [...side(old, 'old'), ...side('new', 'new')].join(', ')
}

const partitioned = new WeakMap<EntityMetadata, boolean>()

/** Asked once a table. */
async function isPartitioned(queryRunner: QueryRunner, metadata: EntityMetadata, table: string): Promise<boolean> {
  const known = partitioned.get(metadata)
  if (known !== undefined) return known
  const [row] = (await queryRunner.query('SELECT relkind FROM pg_class WHERE oid = to_regclass($1)', [table])) as {
    relkind?: string
  }[]
  const found = row?.relkind === 'p'
  partitioned.set(metadata, found)
  return found
}
