import { givenTo } from './builder'
import { conflictKeys } from './conflict-keys'
import { recordsOf, rowsByGivenKeys, unlessRefused } from './mysql-rows'
import { insertsRead } from './read-inserts'
import { restoreStatus } from './restore-result'
import { layoutOf, type Row, rowOf } from './row'
import { keyNames, keyText, selectCounted, selectWritten } from './statements'
import type { Place, Ran, RowSink, RowWrite, WriteParts } from './write'

function unreadOf(rows: number): string {
  return `${rows} rows were written by an insert, and could not be read by their keys`
}

interface Packet {
  readonly affectedRows: number
  readonly insertId: number | string
}

/**
 * An INSERT of MySQL, which returns no rows: they are read by the keys that were given, that TypeORM has made, or that the
 * server counted on from the first one, which it does without gaps for one statement. Of `orIgnore()`, what was there
 * already is read before.
 */
export class MysqlInsert implements RowWrite {
  readonly told: boolean
  readonly #parts: WriteParts

  /** @param told whether subscribers tell of it too: of rows that cannot be read */
  constructor(parts: WriteParts, told: boolean) {
    this.#parts = parts
    this.told = told
  }

  compound(): boolean {
    return true
  }

  statement(): [string, unknown[]] {
    return this.#parts.builder.getQueryAndParameters()
  }

  async run(place: Place, [sql, parameters]: readonly [string, unknown[]], sink: RowSink): Promise<Ran> {
    const { builder, metadata, dataSource } = this.#parts
    const ignores = Boolean(builder.expressionMap.onIgnore)
    const given = ignores ? conflictKeys(builder, metadata, dataSource) : []
    const there = await unlessRefused(() => rowsByGivenKeys(this.#parts, place, given, { written: false }))
    const result = await place.send(sql, parameters)
    restoreStatus(result, place)
    const packet = result.raw as Packet
    const { affectedRows } = packet
    if (builder.expressionMap.insertFromSelect !== undefined)
      return { result, unread: await this.#stream(place, packet, sink) }
    if (affectedRows === 0) {
      // Of none of them, nothing is to be told.
      if (this.told) insertsRead(this.#parts, 0)
      return { result }
    }
    const whole = !ignores || affectedRows === givenTo(builder).length
    const read = there && (await unlessRefused(() => this.#written(place, packet, whole)))
    const rows = read?.filter((row) => whole || !there?.has(keyText(builder, row)))
    if (rows?.length !== affectedRows) {
      return { result, unread: this.told ? undefined : unreadOf(affectedRows) }
    }
    if (this.told) insertsRead(this.#parts, packet.insertId)
    for (const row of rows) sink.take(undefined, row)
    return { result }
  }

  /**
   * The rows that were written, as far as their keys are known, and of `orIgnore()` those that were there.
   *
   * @param whole whether all of them were written
   */
  async #written(place: Place, { insertId }: Packet, whole: boolean): Promise<Row[]> {
    const { builder, metadata, dataSource } = this.#parts
    const keys = whole ? this.#keys(Number(insertId)) : undefined
    if (keys === undefined) {
      const given = conflictKeys(builder, metadata, dataSource)
      return [...(await rowsByGivenKeys(this.#parts, place, given, { written: true })).values()].map(({ row }) => row)
    }
    const counted = { first: Number(insertId), count: keys.counted, known: true }
    const selects = [
      ...selectWritten(builder, dataSource, { columns: keyNames(builder), rows: keys.given }),
      ...selectCounted(builder, counted),
    ]
    return (await recordsOf(place, selects)).map((record) => rowOf(layoutOf(metadata), record))
  }

  /** The rows of an INSERT … SELECT, a portion at a time: there may be very many. */
  async #stream(place: Place, { affectedRows, insertId }: Packet, sink: RowSink): Promise<string | undefined> {
    const { builder, metadata } = this.#parts
    const { insertColumns = [] } = builder.expressionMap
    const numbered = metadata.primaryColumns.every(({ propertyPath }) => !insertColumns.includes(propertyPath))
    let read = 0
    if (insertColumns.length > 0 && numbered && this.#isNumbered(insertId)) {
      const counted = { first: Number(insertId), count: affectedRows, known: false }
      await unlessRefused(async () => {
        for (const select of selectCounted(builder, counted)) {
          for (const record of await recordsOf(place, [select])) {
            sink.take(undefined, rowOf(layoutOf(metadata), record))
            read += 1
          }
        }
      })
    }
    return read === affectedRows ? undefined : unreadOf(affectedRows - read)
  }

  /** Whether the server has numbered the rows, and the number is exact. */
  #isNumbered(first: number | string): boolean {
    const { primaryColumns } = this.#parts.metadata
    const counts = primaryColumns.length === 1 && primaryColumns[0]?.generationStrategy === 'increment'
    return counts && Number(first) > 0 && Number.isSafeInteger(Number(first))
  }

  /** The primary keys, those that were given and how many the server has counted; undefined where not all are known. */
  #keys(first: number): { given: unknown[][]; counted: number } | undefined {
    const { builder, metadata, dataSource } = this.#parts
    const { locallyGenerated = {} } = builder.expressionMap
    const { primaryColumns } = metadata
    const all = givenTo(builder).map((values, index) =>
      primaryColumns.map(
        (one): unknown => one.getEntityValue(values) ?? one.getEntityValue(locallyGenerated[index] ?? {}),
      ),
    )
    const isOpen = (key: readonly unknown[]) => key.some((part) => part === undefined || part === null)
    const given = all.filter((key) => !isOpen(key))
    const counted = all.length - given.length
    if (given.flat().some((part) => typeof part === 'function')) return undefined
    if (counted > 0) {
      // From a larger one that is given in between, the server would count on.
      const between = all.slice(all.findIndex(isOpen)).filter((key) => !isOpen(key))
      if (!this.#isNumbered(first) || between.some(([part]) => !(Number(part) < first))) return undefined
    }
    const persisted = given.map((key) =>
      key.map((part, index) => {
        const own = primaryColumns[index]
        return own === undefined ? part : dataSource.driver.preparePersistentValue(part, own)
      }),
    )
    return { given: persisted, counted }
  }
}
