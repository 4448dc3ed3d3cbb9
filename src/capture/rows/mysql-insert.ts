import { insertsRead } from './read-inserts'
import { REFUSALS } from './readability'
import { layoutOf, type Row, rowOf } from './row'
import { keyNames, selectWritten } from './statements'
import type { Place, Ran, RowSink, RowWrite, WriteParts } from './write'

/**
 * An INSERT of MySQL of which no subscriber is told (`listeners: false`), or not what the rows have: it returns none, so
 * they are read by the keys that were given, that TypeORM has made, or that the server counted on from the first one, which
 * it does without gaps for one statement.
 */
export class MysqlInsert implements RowWrite {
  readonly #parts: WriteParts
  readonly #told: boolean

  /** @param told whether subscribers tell of it too: of rows that cannot be read */
  constructor(parts: WriteParts, told: boolean) {
    this.#parts = parts
    this.#told = told
  }

  compound(): boolean {
    return false
  }

  statement(): [string, unknown[]] {
    return this.#parts.builder.getQueryAndParameters()
  }

  async run(place: Place, [sql, parameters]: readonly [string, unknown[]], sink: RowSink): Promise<Ran> {
    const result = await place.send(sql, parameters)
    const { affectedRows, insertId } = result.raw as { affectedRows: number; insertId: number }
    if (affectedRows === 0) return { result }
    const keys = this.#keys(insertId)
    const rows = keys && (await this.#read(place, keys))
    if (rows?.length !== affectedRows) {
      const why = `${affectedRows} rows were written by an insert, and could not be read by their keys`
      return { result, unread: this.#told ? undefined : why }
    }
    if (this.#told) insertsRead(this.#parts, rows)
    for (const row of rows) sink.take(undefined, row)
    return { result }
  }

  /** Undefined where they cannot be read: the INSERT must not fail for that, nor be repeated, unless it is lost too. */
  async #read({ queryRunner, alone }: Place, rows: readonly unknown[][]): Promise<Row[] | undefined> {
    const { builder, metadata, dataSource } = this.#parts
    const read: Row[] = []
    for (const [select, values] of selectWritten(builder, dataSource, { columns: keyNames(builder), rows })) {
      try {
        const records = (await queryRunner.query(select, values)) as Record<string, unknown>[]
        read.push(...records.map((record) => rowOf(layoutOf(metadata), record)))
      } catch (error) {
        if (!alone && !REFUSALS.has((error as { errno?: unknown }).errno)) throw error
        return undefined
      }
    }
    return read
  }

  #keys(insertId: number): unknown[][] | undefined {
    const { builder, metadata, dataSource } = this.#parts
    const { valuesSet, onIgnore, onUpdate, locallyGenerated = {} } = builder.expressionMap
    if (onIgnore || onUpdate !== undefined || typeof valuesSet !== 'object' || valuesSet === null) return undefined
    const given: object[] = Array.isArray(valuesSet) ? valuesSet : [valuesSet]
    const { primaryColumns } = metadata
    const read = given.map((values, index) =>
      primaryColumns.map(
        (column): unknown => column.getEntityValue(values) ?? column.getEntityValue(locallyGenerated[index] ?? {}),
      ),
    )
    const [column] = primaryColumns
    const counted = primaryColumns.length === 1 && column?.generationStrategy === 'increment'
    if (counted && insertId > 0 && read.every(([key]) => key === undefined || key === null)) {
      return read.map((_, index) => [insertId + index])
    }
    const unknown = read.flat().some((key) => key === undefined || key === null || typeof key === 'function')
    if (unknown) return undefined
    return read.map((keys) =>
      keys.map((key, index) => {
        const own = primaryColumns[index]
        return own === undefined ? key : dataSource.driver.preparePersistentValue(key, own)
      }),
    )
  }
}
