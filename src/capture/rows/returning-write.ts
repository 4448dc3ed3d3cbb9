import { familyOf } from '../typeorm'
import { overwritten, type StructuredResult } from './builder'
import { conflictKeys, isKeyOpen } from './conflict-keys'
import { streamRecords } from './mysql-stream'
import { watchOthers } from './other-writers'
import { restoreResult } from './restore-result'
import { type Layout, layoutOf, type Row, rowOf, valuesOf } from './row'
import { keyNames, keyTextOf, returning, returningAtEnd, returningList, selectByValues, takeRow } from './statements'
import type { Place, Ran, RowSink, RowWrite, WriteParts } from './write'

/** An INSERT or DELETE of MariaDB or SQLite, which gives its rows itself. */
export class ReturningWrite implements RowWrite {
  readonly #parts: WriteParts
  readonly #upsert: boolean

  constructor(parts: WriteParts) {
    this.#parts = parts
    this.#upsert = parts.kind === 'insert' && overwritten(parts.builder) !== undefined
  }

  compound(): boolean {
    return false
  }

  statement(): [string, unknown[]] {
    const { builder, kind, dataSource } = this.#parts
    const list = returningList(builder)
    return kind === 'insert' && familyOf(dataSource) === 'sqlite'
      ? returningAtEnd(builder, list)
      : returning(builder, list)
  }

  async run(place: Place, [sql, parameters]: readonly [string, unknown[]], sink: RowSink): Promise<Ran> {
    const { kind, dataSource } = this.#parts
    const othersWrote = this.#upsert ? watchOthers(this.#parts) : () => undefined
    let doubt: string | undefined
    const before = this.#upsert ? await this.#before(place) : undefined
    const onRow = (row: Row) => {
      if (kind === 'delete') sink.take(row, undefined)
      else if (before === undefined) sink.take(undefined, row)
      else {
        const was = before.of(row)
        sink.take(was, row, doubt ?? (was === undefined ? before.doubt : undefined))
        // The same row may be given twice.
        before.add(row)
      }
    }
    if (familyOf(dataSource) === 'mysql') return { result: await this.#stream(place, [sql, parameters], onRow) }
    const result = await place.send(sql, parameters)
    doubt = othersWrote()
    for (const row of takeRows(result, this.#parts)) onRow(row)
    return { result }
  }

  async #stream(
    { queryRunner, send }: Place,
    statement: readonly [string, unknown[]],
    onRow: (row: Row) => void,
  ): Promise<StructuredResult> {
    const { builder, kind, metadata, dataSource } = this.#parts
    const layout = layoutOf(metadata)
    let count = 0
    let first: Row | undefined
    const result = await streamRecords(queryRunner, send, statement, (record) => {
      const row = takeRow(record, layout)
      count += 1
      first ??= row
      onRow(row)
    })
    restoreResult(result, result.records as Record<string, unknown>[], dataSource, { kind, builder, count, first })
    return result
  }

  /** The rows that an upsert may find, by the keys that may conflict. */
  async #before({ queryRunner }: Place): Promise<Found> {
    const { builder, metadata, dataSource } = this.#parts
    const layout = layoutOf(metadata)
    const keys = conflictKeys(builder, metadata, dataSource)
    const open = isKeyOpen(builder, metadata, dataSource)
    const found = new Found(layout, [...keys.map(({ columns }) => columns), keyNames(builder)], open)
    for (const { columns, rows } of keys) {
      for (const [select, values] of selectByValues(builder, dataSource, { columns, rows, lock: '' })) {
        for (const record of (await queryRunner.query(select, values)) as Record<string, unknown>[])
          found.add(rowOf(layout, record))
      }
    }
    return found
  }
}

/** Rows by the keys that may conflict: the primary key may be changed by the upsert itself. */
class Found {
  readonly #rows = new Map<string, Row>()
  readonly #layout: Layout
  readonly #keys: readonly (readonly string[])[]
  readonly doubt: string | undefined

  constructor(layout: Layout, keys: readonly (readonly string[])[], open: boolean) {
    this.#layout = layout
    this.#keys = keys
    this.doubt = open ? 'an upsert by a key that the database completes: the row may have been there' : undefined
  }

  add(row: Row): void {
    for (const text of this.#texts(row)) this.#rows.set(text, row)
  }

  of(row: Row): Row | undefined {
    for (const text of this.#texts(row)) {
      const known = this.#rows.get(text)
      if (known !== undefined) return known
    }
    return undefined
  }

  #texts(row: Row): string[] {
    return this.#keys.map((key) => `${key.join()} ${keyTextOf(valuesOf(this.#layout, key, row))}`)
  }
}

/** The rows in a result, which is then what TypeORM would have had without them. */
export function takeRows(result: StructuredResult, { builder, kind, metadata, dataSource }: WriteParts): Row[] {
  const records = (Array.isArray(result.records) ? result.records : []) as Record<string, unknown>[]
  const layout = layoutOf(metadata)
  const rows = records.map((record) => takeRow(record, layout))
  restoreResult(result, records, dataSource, { kind, builder, count: rows.length, first: rows[0] })
  return rows
}
