import type { EntityMetadata } from 'typeorm'
import { primaryKeyOf } from '../properties'
import { persisting, rowMark, saving } from './persisting'
import { type Row, RowImage } from './row'
import type { WriteParts } from './write'

/** What insert() was given and subscribers are going to be told, though the rows were read: how often each. */
const given = new WeakMap<object, number>()

/** To be told of rows that were read after their INSERT, though subscribers are going to be told of them too. */
export function insertsRead({ builder, metadata, dataSource }: WriteParts, rows: readonly Row[]): void {
  const { callListeners, valuesSet } = builder.expressionMap
  if (callListeners)
    for (const values of [valuesSet].flat() as object[]) given.set(values, (given.get(values) ?? 0) + 1)
  // save() tells of its entities instead.
  else for (const row of rows) saving()?.handled.add(markOf(metadata, new RowImage(row, metadata, dataSource).pk))
}

/** To be told before an INSERT of these: of an earlier one that failed afterwards, no subscriber was told. */
export function insertBegins(values: object): void {
  given.delete(values)
}

/** Whether what a subscriber is told now was read. */
export function wasInsertRead(metadata: EntityMetadata, entity: unknown): boolean {
  if (typeof entity !== 'object' || entity === null) return false
  const times = given.get(entity) ?? 0
  if (times > 0) given.set(entity, times - 1)
  return times > 0 || (persisting()?.handled.has(markOf(metadata, primaryKeyOf(metadata, entity))) ?? false)
}

function markOf({ tablePath }: EntityMetadata, pk: string | undefined): string {
  return `+ ${rowMark(tablePath, pk)}`
}
