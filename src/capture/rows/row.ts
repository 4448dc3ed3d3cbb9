import { isDeepStrictEqual } from 'node:util'
import type { DataSource, EntityMetadata } from 'typeorm'
import { rowKeyText } from '../../context/entity'
import { keyOf, type Property, propertiesOf, shown } from '../properties'
import type { ColumnMetadata } from '../typeorm'

/** A row as the driver gives it, in the order of its layout. Undefined stands for what was not read, and did not change. */
export type Row = readonly unknown[]

/** One row that a statement has written. An insert has no `before`, a delete no `after`. */
export interface RowChange {
  readonly before?: Row | undefined
  readonly after?: Row | undefined
  /** Columns that the database has changed, though what was read of them looks the same. */
  readonly changed?: readonly number[] | undefined
  /** What is not certain of it. */
  readonly doubt?: string | undefined
}

/** A property and where its columns stand in a row. */
export interface PlacedProperty extends Property {
  readonly places: readonly number[]
}

/** The columns of a table, those of all classes that share it included: what stands where in a row. */
export interface Layout {
  readonly names: readonly string[]
  readonly columns: readonly ColumnMetadata[]
  readonly places: ReadonlyMap<string, number>
}

const layouts = new WeakMap<EntityMetadata, Layout>()
const placed = new WeakMap<EntityMetadata, readonly PlacedProperty[]>()

export function layoutOf(metadata: EntityMetadata): Layout {
  const root = rootOf(metadata)
  const known = layouts.get(root)
  if (known !== undefined) return known
  const columns = new Map<string, ColumnMetadata>()
  for (const column of [root, ...root.childEntityMetadatas].flatMap((one) => one.columns)) {
    if (!column.isVirtualProperty && !columns.has(column.databaseName)) columns.set(column.databaseName, column)
  }
  const names = [...columns.keys()]
  const layout = { names, columns: [...columns.values()], places: new Map(names.map((name, place) => [name, place])) }
  layouts.set(root, layout)
  return layout
}

export function placedPropertiesOf(metadata: EntityMetadata): readonly PlacedProperty[] {
  const known = placed.get(metadata)
  if (known !== undefined) return known
  const properties = propertiesOf(metadata).map((property) => ({
    ...property,
    places: placesOf(metadata, property.columns),
  }))
  placed.set(metadata, properties)
  return properties
}

export function placesOf(metadata: EntityMetadata, columns: readonly ColumnMetadata[]): number[] {
  const { places } = layoutOf(metadata)
  return columns.flatMap((column) => places.get(column.databaseName) ?? [])
}

/** A record by column names, as most drivers give it, in the order of the layout. */
export function rowOf({ names }: Layout, record: Readonly<Record<string, unknown>>): Row {
  return names.map((name) => record[name])
}

/** The values of these columns. */
export function valuesOf({ places }: Layout, names: readonly string[], row: Row): unknown[] {
  return names.map((name) => row[places.get(name) ?? -1])
}

export function rootOf(metadata: EntityMetadata): EntityMetadata {
  return metadata.tableType === 'entity-child' ? metadata.parentEntityMetadata : metadata
}

/** The class of the row in a table that several share. */
export function concreteOf(metadata: EntityMetadata, row: Row): EntityMetadata {
  const root = rootOf(metadata)
  const { discriminatorColumn } = root
  if (discriminatorColumn === undefined) return metadata
  const value = row[layoutOf(root).places.get(discriminatorColumn.databaseName) ?? -1]
  return [root, ...root.childEntityMetadatas].find((one) => one.discriminatorValue === value) ?? metadata
}

/** A row read as an entity: the values that TypeORM would give the application. */
export class RowImage {
  readonly row: Row
  readonly #metadata: EntityMetadata
  readonly #dataSource: DataSource
  readonly #layout: Layout
  #transformed: Map<number, unknown> | undefined

  constructor(row: Row, metadata: EntityMetadata, dataSource: DataSource) {
    this.row = row
    this.#metadata = metadata
    this.#dataSource = dataSource
    this.#layout = layoutOf(metadata)
  }

  get pk(): string | undefined {
    const { primaryColumns } = this.#metadata
    const [only] = primaryColumns
    if (only !== undefined && primaryColumns.length === 1) return rowKeyText(this.#value(only))
    return keyOf(primaryColumns, (column) => this.#value(column))
  }

  value({ columns, relation, places }: PlacedProperty): unknown {
    const [column] = columns
    if (relation !== undefined) {
      if (places.every((place) => this.row[place] === null)) return null
      const joined = new Map(columns.flatMap((one) => (one.referencedColumn ? [[one.referencedColumn, one]] : [])))
      return keyOf([...joined.keys()], (key) => {
        const own = joined.get(key)
        return own && this.#value(own)
      })
    }
    return column && shown(column, this.#read(column, places[0] ?? -1))
  }

  /** An instance of the class, without running its constructor, for its name to be asked. */
  entity(): object {
    const { target } = this.#metadata
    const prototype = typeof target === 'function' ? (target.prototype as object) : Object.prototype
    const entity = Object.create(prototype) as object
    for (const property of placedPropertiesOf(this.#metadata)) {
      const [column] = property.columns
      if (property.relation === undefined && column !== undefined) column.setEntityValue(entity, this.value(property))
    }
    return entity
  }

  #value(column: ColumnMetadata): unknown {
    return this.#read(column, this.#layout.places.get(column.databaseName) ?? -1)
  }

  #read(column: ColumnMetadata, place: number): unknown {
    const value = this.row[place]
    if (value === undefined || (value === null && column.transformer === undefined)) return value
    const { driver } = this.#dataSource
    if (column.transformer === undefined) return driver.prepareHydratedValue(value, column)
    // Once: it may work in place, and an event may ask for the value and for the name.
    this.#transformed ??= new Map()
    if (!this.#transformed.has(place)) this.#transformed.set(place, driver.prepareHydratedValue(value, column))
    return this.#transformed.get(place)
  }
}

/** Whether any column of the property has another value in the database. */
export function differs({ places, columns }: PlacedProperty, { before, after, changed }: RowPair): boolean {
  for (const [index, place] of places.entries()) {
    if (!sameRaw(before[place], after[place])) return true
    // Not the blanks in a document, nor microseconds, which no event shows.
    const shown = columns[index]?.type !== 'json' && !(after[place] instanceof Date)
    if (shown && changed?.includes(place)) return true
  }
  return false
}

/** A row that was there before and after. */
export type RowPair = Pick<RowChange, 'changed'> & { readonly before: Row; readonly after: Row }

/** Whether any column has. */
export function sameRows(before: Row, after: Row): boolean {
  return before.every((value, place) => sameRaw(value, after[place]))
}

/** Whether the driver's values are alike. */
export function sameRaw(from: unknown, to: unknown): boolean {
  if (Object.is(from, to)) return true
  if (typeof from !== 'object' || typeof to !== 'object') return false
  if (from instanceof Date && to instanceof Date) return Object.is(from.getTime(), to.getTime())
  return isDeepStrictEqual(from, to)
}
