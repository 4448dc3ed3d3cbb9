import type { DataSource } from 'typeorm'
import { familyOf } from '../typeorm'
import { metadataOf, type WriteBuilder } from './builder'
import { capped, isChosen, MOST_ROWS, UNSURE, unreadOf, writeLarge } from './large'
import { watchOthers } from './other-writers'
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
    const othersWrote = watchOthers(this.#parts)
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
    const doubt = othersWrote()
    const keys = new Keys(this.#parts, before)
    if (this.#returns) for (const row of takeRows(result, this.#parts)) keys.add(row)
    else {
      for (const [again, more] of selectWritten(builder, dataSource, keys)) {
        for (const record of (await queryRunner.query(again, more)) as Record<string, unknown>[])
          keys.add(rowOf(layout, record))
      }
    }
    return { result, unread: keys.pair(sink, { written, exact, doubt }) }
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
  readonly #setsKey: boolean
  /** Whether a row that is not among those after the statement was not written by it. */
  readonly #returns: boolean
  readonly #after = new Map<string, Row>()

  constructor({ builder, kind, metadata, dataSource }: WriteParts, before: readonly Row[]) {
    const { places } = layoutOf(metadata)
    const moved = kind === 'update' ? newKeyOf(builder, dataSource) : new Map<string, unknown>()
    this.columns = keyNames(builder)
    this.rows = before.map((row) =>
      this.columns.map((name) => {
        const given = moved.get(name)
        return given === undefined || typeof given === 'function' ? row[places.get(name) ?? -1] : given
      }),
    )
    this.#builder = builder
    this.#before = before
    this.#setsKey = moved.size > 0
    this.#returns = familyOf(dataSource) === 'sqlite'
  }

  add(after: Row): void {
    this.#after.set(keyText(this.#builder, after), after)
  }

  /**
   * @param exact whether the statement has written none but these rows
   * @param doubt why it is not certain that the rows are those that were read before
   * @returns why nothing is known of some of the rows
   */
  pair(sink: RowSink, { written = this.#after.size, exact, doubt }: Pairing): string | undefined {
    let paired = 0
    this.#before.forEach((row, index) => {
      const after = this.#afterOf(index, doubt)
      if (after === undefined) return
      paired += 1
      if (!sameRows(row, after)) this.changed += 1
      sink.take(row, after, doubt)
    })
    const lost = this.#setsKey || !this.#returns ? this.#before.length - paired : 0
    const unread = unreadOf({ lost, read: paired + lost, written })
    return unread ?? (exact || this.changed === written ? undefined : UNSURE)
  }

  #afterOf(index: number, doubt: string | undefined): Row | undefined {
    if (this.#setsKey && doubt !== undefined) return undefined
    const [only] = this.#after.values()
    // The key that was given may be read in another form.
    const moved = this.#setsKey && this.#before.length === 1 && this.#after.size === 1
    return moved ? only : this.#after.get(keyTextOf(this.rows[index] ?? []))
  }
}

interface Pairing {
  readonly written: number | undefined
  readonly exact: boolean
  readonly doubt?: string | undefined
}

/** What the statement makes of the primary key, if it sets it: values, or functions that give SQL. */
function newKeyOf(builder: WriteBuilder, { driver }: DataSource): Map<string, unknown> {
  const values = builder.expressionMap.valuesSet
  const moved = new Map<string, unknown>()
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return moved
  for (const column of metadataOf(builder)?.primaryColumns ?? []) {
    const value: unknown = column.getEntityValue(values)
    if (value === undefined) continue
    moved.set(column.databaseName, typeof value === 'function' ? value : driver.preparePersistentValue(value, column))
  }
  return moved
}
