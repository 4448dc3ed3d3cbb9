import type { EntityMetadata } from 'typeorm'
import { primaryKeyOf } from '../properties'
import { givenTo } from './builder'
import { persisting, rowMark, saving } from './persisting'
import type { WriteParts } from './write'

/** What insert() was given and subscribers are going to be told, though the rows were read: how often each. */
const given = new WeakMap<object, number>()

/**
 * To be told of rows that were read after their INSERT, though subscribers are going to be told of them too.
 *
 * @param insertId what MySQL says is the number of the first one
 */
export function insertsRead({ builder, metadata }: WriteParts, insertId: number | string): void {
  const { callListeners, locallyGenerated = {} } = builder.expressionMap
  givenTo(builder).forEach((values, index) => {
    if (callListeners) {
      given.set(values, (given.get(values) ?? 0) + 1)
      return
    }
    // save() tells of its entities instead, by the keys that they were given or that TypeORM counts, right ones or not.
    const [own, counted] = [{}, {}]
    for (const column of metadata.primaryColumns) {
      column.setEntityValue(own, column.getEntityValue(values) ?? column.getEntityValue(locallyGenerated[index] ?? {}))
      // As TypeORM does it: a large one is a text.
      if (column.generationStrategy === 'increment') column.setEntityValue(counted, (insertId as number) + index)
    }
    for (const told of [own, counted]) saving()?.handled.add(markOf(metadata, primaryKeyOf(metadata, told)))
  })
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

function markOf({ tablePath }: EntityMetadata, pk = ''): string {
  return `+ ${rowMark(tablePath, pk)}`
}
