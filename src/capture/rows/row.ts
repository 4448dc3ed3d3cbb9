import { isDeepStrictEqual } from 'node:util'
import type { DataSource, EntityMetadata } from 'typeorm'
import { keyOf, type Property, propertiesOf, shown } from '../properties'
import type { ColumnMetadata } from '../typeorm'

/** A row as the driver gives it, by column name in the database. */
export type Row = Readonly<Record<string, unknown>>

/** One row that a statement has written. An insert has no `before`, a delete no `after`. */
export interface RowChange {
  readonly before?: Row
  readonly after?: Row
}

const names = new WeakMap<EntityMetadata, readonly string[]>()

/** The names of a table's columns, those of all classes that share it included. */
export function columnNamesOf(metadata: EntityMetadata): readonly string[] {
  const root = rootOf(metadata)
  const known = names.get(root)
  if (known !== undefined) return known
  const all = [root, ...root.childEntityMetadatas].flatMap(({ columns }) => columns)
  const found = [...new Set(all.filter((column) => !column.isVirtualProperty).map((column) => column.databaseName))]
  names.set(root, found)
  return found
}

function rootOf(metadata: EntityMetadata): EntityMetadata {
  return metadata.tableType === 'entity-child' ? metadata.parentEntityMetadata : metadata
}

/** The class of the row in a table that several share. */
export function concreteOf(metadata: EntityMetadata, row: Row): EntityMetadata {
  const root = rootOf(metadata)
  const { discriminatorColumn } = root
  if (discriminatorColumn === undefined) return metadata
  const value = row[discriminatorColumn.databaseName]
  return [root, ...root.childEntityMetadatas].find((one) => one.discriminatorValue === value) ?? metadata
}

/** A row read as an entity: the values that TypeORM would give the application. */
export class RowImage {
  readonly row: Row
  readonly #metadata: EntityMetadata
  readonly #dataSource: DataSource

  constructor(row: Row, metadata: EntityMetadata, dataSource: DataSource) {
    this.row = row
    this.#metadata = metadata
    this.#dataSource = dataSource
  }

  get pk(): string | undefined {
    return keyOf(this.#metadata.primaryColumns, (column) => this.#value(column))
  }

  value({ columns, relation }: Property): unknown {
    const [column] = columns
    if (relation !== undefined) {
      if (columns.every((one) => this.row[one.databaseName] === null)) return null
      const joined = new Map(columns.flatMap((one) => (one.referencedColumn ? [[one.referencedColumn, one]] : [])))
      return keyOf([...joined.keys()], (key) => {
        const own = joined.get(key)
        return own && this.#value(own)
      })
    }
    return column && shown(column, this.#value(column))
  }

  /** An instance of the class, without running its constructor, for its name to be asked. */
  entity(): object {
    const { target } = this.#metadata
    const prototype = typeof target === 'function' ? (target.prototype as object) : Object.prototype
    const entity = Object.create(prototype) as object
    for (const property of propertiesOf(this.#metadata)) {
      const [column] = property.columns
      if (property.relation === undefined && column !== undefined) column.setEntityValue(entity, this.value(property))
    }
    return entity
  }

  #value(column: ColumnMetadata): unknown {
    const value = this.row[column.databaseName]
    return value === null ? null : this.#dataSource.driver.prepareHydratedValue(value, column)
  }
}

/** Whether any column of the property has another value in the database. */
export function differs({ columns }: Property, before: Row, after: Row): boolean {
  return columns.some((column) => !sameRaw(before[column.databaseName], after[column.databaseName]))
}

function sameRaw(from: unknown, to: unknown): boolean {
  if (Object.is(from, to)) return true
  if (from instanceof Date && to instanceof Date) return from.getTime() === to.getTime()
  return typeof from === 'object' && typeof to === 'object' && isDeepStrictEqual(from, to)
}
