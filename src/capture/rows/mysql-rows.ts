import type { ConflictKey } from './conflict-keys'
import { REFUSALS } from './readability'
import { layoutOf, type Row, rowOf } from './row'
import { keyText, selectByValues, selectWritten } from './statements'
import type { Place, WriteParts } from './write'

type Found = Readonly<Record<string, unknown>>

/** A row as it was read, with what was asked beside its columns. */
export interface RowFound {
  readonly row: Row
  readonly record: Found
}

/**
 * The rows of MySQL that have one of these keys, which an INSERT was given, each once.
 *
 * @param written whether it was made already: else they are read as they are, without waiting for anybody
 */
export async function rowsByGivenKeys(
  { builder, metadata, dataSource }: WriteParts,
  place: Place,
  keys: readonly ConflictKey[],
  { written, more = '', from = '' }: { written: boolean; more?: string; from?: string },
): Promise<Map<string, RowFound>> {
  const found = new Map<string, RowFound>()
  for (const by of keys) {
    const selects = written
      ? selectWritten(builder, dataSource, by, more)
      : selectByValues(builder, dataSource, { ...by, lock: '', more, from })
    for (const record of await recordsOf(place, selects)) {
      const row = rowOf(layoutOf(metadata), record)
      const key = keyText(builder, row)
      if (!found.has(key)) found.set(key, { row, record })
    }
  }
  return found
}

export async function recordsOf(
  { queryRunner }: Place,
  selects: Iterable<readonly [string, unknown[]]>,
): Promise<Found[]> {
  const records: Found[] = []
  for (const [select, values] of selects) records.push(...((await queryRunner.query(select, values)) as Found[]))
  return records
}

/** Undefined where the rows may not be read, or not all columns are there: the write must not fail for that. */
export async function unlessRefused<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (!REFUSALS.has((error as { errno?: unknown }).errno)) throw error
    return undefined
  }
}
