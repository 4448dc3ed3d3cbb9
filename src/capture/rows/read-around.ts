import type { DataSource } from 'typeorm'
import { familyOf } from '../typeorm'
import { metadataOf, type WriteBuilder } from './builder'
import { capped, isChosen, MOST_ROWS, UNSURE, unreadOf, writeLarge } from './large'
import { takeRows } from './returning-write'
import { layoutOf, type Row, rowOf, sameRows } from './row'
import {
  keyNames,
  keyText,
  keyTextOf,
  onlyRows,
  returningAtEnd,
  returningList,
  selectMatching,
  selectWritten,
} from './statements'
import type { Place, Ran, RowSink, RowWrite, WriteParts } from './write'

/**
 * A statement of a driver that cannot give old values: its rows are read before it, and on MySQL again after it. SQLite
 * returns the new ones.
 */
export class ReadAround implements RowWrite {
  readonly #parts: WriteParts
  readonly #returns: boolean

  constructor(parts: WriteParts) {
    this.#parts = parts
    this.#returns = familyOf(parts.dataSource) === 'sqlite'
  }

  compound(): boolean {
    return true
  }

  statement(): [string, unknown[]] {
    const { builder } = this.#parts
    return this.#returns ? returningAtEnd(builder, returningList(builder)) : builder.getQueryAndParameters()
  }

  async run(
    { queryRunner, send }: Place,
    [sql, parameters]: readonly [string, unknown[]],
    sink: RowSink,
  ): Promise<Ran> {
    const { builder, kind, metadata, dataSource } = this.#parts
    const layout = layoutOf(metadata)
    const lock = this.#returns ? '' : ' FOR UPDATE'
    const [select, values] = selectMatching(builder)
    const chosen = isChosen(builder, select)
    const read = async (end: string) =>
      (await queryRunner.query(`${select}${end}`, values)) as Record<string, unknown>[]
    let found = await read(capped(chosen, lock))
    if (!chosen && found.length > MOST_ROWS) {
      const ran = await writeLarge({ queryRunner, send, alone: false }, this.#parts, sink)
      if (ran !== undefined) return ran
      found = await read(lock)
    }
    const before = found.map((record) => rowOf(layout, record))
    // SQLite reads and writes in the same order.
    const only = chosen && !this.#returns ? onlyRows(builder, before) : undefined
    const exact = !chosen || this.#returns || only !== undefined
    const result = await send(...(only ?? ([sql, parameters] as const)))
    const written = this.#returns ? undefined : result.affected
    if (kind === 'delete') {
      for (const row of before) sink.take(row, undefined)
      const unread = unreadOf({ lost: 0, read: before.length, written })
      return { result, unread: unread ?? (exact || before.length === 0 ? undefined : UNSURE) }
    }
    const keys = new Keys(this.#parts, before)
    if (this.#returns) for (const row of takeRows(result, this.#parts)) keys.add(row)
    else {
      for (const [again, more] of selectWritten(builder, dataSource, keys)) {
        for (const record of (await queryRunner.query(again, more)) as Record<string, unknown>[])
          keys.add(rowOf(layout, record))
      }
    }
    return { result, unread: keys.pair(sink, { written, exact }) }
  }
}

/** Finds for each row before a statement what became of it. */
export class Keys {
  readonly columns: readonly string[]
  /** The keys that the rows have after the statement. */
  readonly rows: readonly (readonly unknown[])[]
  /** How many of them it has changed. */
  changed = 0
  readonly #builder: WriteBuilder
  readonly #before: readonly Row[]
  readonly #after = new Map<string, Row>()

  constructor({ builder, kind, metadata, dataSource }: WriteParts, before: readonly Row[]) {
    const { places } = layoutOf(metadata)
    const moved = kind === 'update' ? newKeyOf(builder, dataSource) : new Map<string, unknown>()
    this.columns = keyNames(builder)
    this.rows = before.map((row) =>
      this.columns.map((name) => (moved.has(name) ? moved.get(name) : row[places.get(name) ?? -1])),
    )
    this.#builder = builder
    this.#before = before
  }

  add(after: Row): void {
    this.#after.set(keyText(this.#builder, after), after)
  }

  /**
   * @param exact whether the statement has written none but these rows
   * @returns why nothing is known of some of the rows
   */
  pair(sink: RowSink, { written = this.#after.size, exact }: { written: number | undefined; exact: boolean }) {
    const [first] = this.#after.values()
    let lost = 0
    this.#before.forEach((row, index) => {
      const single = this.#before.length === 1 ? first : undefined
      const after = single ?? this.#after.get(keyTextOf(this.rows[index] ?? []))
      if (after === undefined) {
        lost += 1
        return
      }
      if (!sameRows(row, after)) this.changed += 1
      sink.take(row, after)
    })
    return (
      unreadOf({ lost, read: this.#before.length, written }) ?? (exact || this.changed === written ? undefined : UNSURE)
    )
  }
}

/** What the statement makes of the primary key, if it sets it. */
function newKeyOf(builder: WriteBuilder, { driver }: DataSource): Map<string, unknown> {
  const values = builder.expressionMap.valuesSet
  const moved = new Map<string, unknown>()
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return moved
  for (const column of metadataOf(builder)?.primaryColumns ?? []) {
    const value: unknown = column.getEntityValue(values)
    if (value !== undefined && typeof value !== 'function')
      moved.set(column.databaseName, driver.preparePersistentValue(value, column))
  }
  return moved
}
