import { layoutOf, rowOf } from './row'
import { keyNames, selectWritten } from './statements'
import type { Place, Ran, RowSink, RowWrite, WriteParts } from './write'

/**
 * An INSERT of MySQL of which no subscriber is told (`listeners: false`): it returns no rows, so they are read by the keys
 * that were given, or that the server counted on from the first one, which it does without gaps for one statement.
 */
export class MysqlInsert implements RowWrite {
  readonly #parts: WriteParts

  constructor(parts: WriteParts) {
    this.#parts = parts
  }

  compound(): boolean {
    return false
  }

  statement(): [string, unknown[]] {
    return this.#parts.builder.getQueryAndParameters()
  }

  async run(
    { queryRunner, send }: Place,
    [sql, parameters]: readonly [string, unknown[]],
    sink: RowSink,
  ): Promise<Ran> {
    const { builder, metadata, dataSource } = this.#parts
    const result = await send(sql, parameters)
    const { affectedRows, insertId } = result.raw as { affectedRows: number; insertId: number }
    if (affectedRows === 0) return { result }
    const rows = this.#keys(insertId)
    if (rows === undefined) {
      return { result, unread: `${affectedRows} rows were written by an insert, and their keys are not known` }
    }
    const layout = layoutOf(metadata)
    for (const [select, values] of selectWritten(builder, dataSource, { columns: keyNames(builder), rows })) {
      for (const record of (await queryRunner.query(select, values)) as Record<string, unknown>[]) {
        sink.take(undefined, rowOf(layout, record))
      }
    }
    return { result }
  }

  #keys(insertId: number): unknown[][] | undefined {
    const { builder, metadata, dataSource } = this.#parts
    const { valuesSet, onIgnore, onUpdate } = builder.expressionMap
    if (onIgnore || onUpdate !== undefined || typeof valuesSet !== 'object' || valuesSet === null) return undefined
    const given: object[] = Array.isArray(valuesSet) ? valuesSet : [valuesSet]
    const { primaryColumns } = metadata
    const read = given.map((values) => primaryColumns.map((column): unknown => column.getEntityValue(values)))
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
