import type { DataSource, EntityMetadata } from 'typeorm'
import { type ColumnMetadata, familyOf } from '../typeorm'
import { givenTo, type WriteBuilder } from './builder'

/** The columns of a unique key, and the values that an upsert brings for it. */
export interface ConflictKey {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
}

/** The keys by which the rows of an upsert may be there already. */
export function conflictKeys(builder: WriteBuilder, metadata: EntityMetadata, dataSource: DataSource): ConflictKey[] {
  const given = givenTo(builder)
  return uniqueKeys(builder, metadata, dataSource).flatMap((columns) => {
    const rows = given.flatMap((values) => {
      const row = columns.map((column) => persisted(column, values, dataSource))
      return row.some((value) => value === undefined || value === null) ? [] : [row]
    })
    return rows.length === 0 ? [] : [{ columns: columns.map((column) => column.databaseName), rows }]
  })
}

/** Whether a part of a key that may conflict is only known to the database: a default, or an SQL expression. */
export function isKeyOpen(builder: WriteBuilder, metadata: EntityMetadata, dataSource: DataSource): boolean {
  const given = givenTo(builder)
  return uniqueKeys(builder, metadata, dataSource).some((columns) =>
    columns.some((column) =>
      given.some((values) => {
        const value: unknown = column.getEntityValue(values)
        return typeof value === 'function' || (value === undefined && column.default !== undefined)
      }),
    ),
  )
}

/** Whether one of these columns belongs to a key that others may refer to: PostgreSQL locks rows more strictly for it. */
export function hasKeyColumn(metadata: EntityMetadata, names: readonly string[]): boolean {
  const uniques = metadata.uniques.filter((unique) => unique.deferrable === undefined)
  const indices = metadata.indices.filter((index) => index.isUnique && index.where === undefined)
  const keys = [metadata.primaryColumns, ...[...uniques, ...indices].map(({ columns }) => columns)]
  return keys.flat().some(({ databaseName }) => names.includes(databaseName))
}

function uniqueKeys(builder: WriteBuilder, metadata: EntityMetadata, dataSource: DataSource): ColumnMetadata[][] {
  const conflict = builder.expressionMap.onUpdate?.conflict
  const all = [
    metadata.primaryColumns,
    ...metadata.uniques.map((unique) => unique.columns),
    ...metadata.indices.filter((index) => index.isUnique).map((index) => index.columns),
  ]
  // MySQL takes any key that is there for a conflict; a constraint's name may be the primary key's too.
  if (familyOf(dataSource) === 'mysql' || !Array.isArray(conflict) || conflict.length === 0) return all
  const columns = (conflict as readonly string[]).flatMap((name) => metadata.findColumnWithDatabaseName(name) ?? [])
  return columns.length === conflict.length ? [columns] : all
}

function persisted(column: ColumnMetadata, values: object, { driver }: DataSource): unknown {
  let value: unknown = column.getEntityValue(values)
  if (
    column.referencedColumn !== undefined &&
    isObject(value) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array)
  ) {
    value = column.referencedColumn.getEntityValue(value)
  }
  if (typeof value === 'function') return undefined
  return value === undefined || value === null ? value : driver.preparePersistentValue(value, column)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
