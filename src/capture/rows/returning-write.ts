import { familyOf } from '../typeorm'
import type { StructuredResult } from './builder'
import { conflictKeys } from './conflict-keys'
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
    const { builder, kind } = this.#parts
    const before = this.#upsert ? await this.#before(place) : new Map<string, Row>()
    const result = await place.send(sql, parameters)
    for (const row of takeRows(result, this.#parts)) {
      if (kind === 'delete') sink(row, undefined)
      else sink(this.#upsert ? before.get(keyText(builder, row)) : undefined, row)
    }
    return { result }
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
  restoreResult(result, records, dataSource, { kind, builder, rows })
  return rows
}
