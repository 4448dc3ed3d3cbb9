import type { DataSource, EntityMetadata } from 'typeorm'
import { propertiesOf } from '../properties'
import { type ColumnMetadata, familyOf } from '../typeorm'
import { metadataOf, type WriteBuilder } from './builder'
import { isKeptAsGiven } from './kept-as-given'
import { mayBeRetold } from './listeners'
import { persisting, saving } from './persisting'
import type { WriteKind } from './row-drafts'

/** A date that the database keeps (`ON UPDATE CURRENT_TIMESTAMP`), and that TypeORM does not read again. */
function keptBySelf(column: ColumnMetadata): boolean {
  return column.onUpdate !== undefined && !column.isUpdateDate
}

/** Whether what TypeORM tells its subscribers of an insert is what was written, where the database returns no rows. */
export function isInsertTold(metadata: EntityMetadata, dataSource: DataSource): boolean {
  const store = persisting()
  return !mayBeRetold(metadata, 'insert', dataSource) && store?.repeats !== true && store?.reload !== false
}

/**
 * Whether an update inside save() is left to what TypeORM tells its subscribers, because that is whole: where the
 * database cannot return old values, reading them again would cost a query that save() does not cost without capture.
 */
export function leftToSubscribers(builder: WriteBuilder, kind: WriteKind, dataSource: DataSource): boolean {
  const { expressionMap } = builder
  const store = saving()
  if (store === undefined || !store.listeners || store.repeats || expressionMap.callListeners) return false
  if (familyOf(dataSource) === 'postgres' || kind === 'insert' || kind === 'delete') return false
  // An orphan, and a save() that does not read back.
  if (expressionMap.whereEntities.length === 0 || !expressionMap.updateEntity) return false
  const metadata = metadataOf(builder)
  if (metadata === undefined || mayBeRetold(metadata, kind, dataSource)) return false
  const values = expressionMap.valuesSet
  return propertiesOf(metadata).every(({ columns, relation, also }) => {
    if (columns.some((column) => !column.isSelect || column.asExpression !== undefined || keptBySelf(column)))
      return false
    // SQLite's drivers give large ones to TypeORM as numbers, which changes them.
    if (familyOf(dataSource) === 'sqlite' && columns.some((column) => column.type === 'bigint')) return false
    if (kind !== 'update' || typeof values !== 'object' || values === null) return true
    return columns.every((column) => {
      const value: unknown = column.getEntityValue(values)
      if (value === undefined) return true
      const parent =
        relation?.inverseRelation ?? (also === undefined ? undefined : column.relationMetadata?.inverseRelation)
      if (parent !== undefined || typeof value === 'function') return false
      // The key of another row is stored as that row has it.
      return relation !== undefined || also !== undefined || isKeptAsGiven(column, value, familyOf(dataSource))
    })
  })
}
