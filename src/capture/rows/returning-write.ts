import { familyOf } from '../typeorm'
import type { StructuredResult } from './builder'
import { conflictKeys } from './conflict-keys'
import { streamRecords } from './mysql-stream'
import { restoreResult } from './restore-result'
import { layoutOf, type Row, rowOf } from './row'
import { keyText, returning, returningAtEnd, returningList, selectByValues, takeRow } from './statements'
import type { Place, Ran, RowSink, RowWrite, WriteParts } from './write'

/** An INSERT or DELETE of MariaDB or SQLite, which gives its rows itself. */
export class ReturningWrite implements RowWrite {
  readonly #parts: WriteParts
  readonly #upsert: boolean

  constructor(parts: WriteParts) {
    this.#parts = parts
    this.#upsert = parts.kind === 'insert' && parts.builder.expressionMap.onUpdate !== undefined
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
    const { builder, kind, dataSource } = this.#parts
    const before = this.#upsert ? await this.#before(place) : new Map<string, Row>()
    const onRow = (row: Row) => {
      if (kind === 'delete') sink.take(row, undefined)
      else sink.take(this.#upsert ? before.get(keyText(builder, row)) : undefined, row)
    }
    if (familyOf(dataSource) === 'mysql') return { result: await this.#stream(place, [sql, parameters], onRow) }
    const result = await place.send(sql, parameters)
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
  async #before({ queryRunner }: Place): Promise<Map<string, Row>> {
    const { builder, metadata, dataSource } = this.#parts
    const layout = layoutOf(metadata)
    const before = new Map<string, Row>()
    for (const { columns, rows } of conflictKeys(builder, metadata, dataSource)) {
      for (const [select, values] of selectByValues(builder, dataSource, { columns, rows, lock: '' })) {
        for (const record of (await queryRunner.query(select, values)) as Record<string, unknown>[]) {
          const row = rowOf(layout, record)
          before.set(keyText(builder, row), row)
        }
      }
    }
    return before
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
