import type { EntityMetadata } from 'typeorm'
import { rowKeyText } from '../context/entity'
import type { ColumnMetadata, RelationMetadata } from './typeorm'

/** A part of an entity that stands in its table: a column, or a relation that the table holds the key of. */
export interface Property {
  /** As the entity names it: `total`, `address.city`, `customer`. */
  readonly name: string
  readonly columns: readonly ColumnMetadata[]
  /** Set when the key has no property of its own, so that the relation stands for it. */
  readonly relation?: RelationMetadata
  /** The relation over a key that has a property of its own: `customer` for `customerId`. */
  readonly also?: string
}

type Entity = object

const cache = new WeakMap<EntityMetadata, readonly Property[]>()

/**
 * The properties of an entity. Columns that only TypeORM knows of (tree paths, discriminators, join columns without a
 * property) are left out, and so are those of the other classes in a table that several share.
 */
export function propertiesOf(metadata: EntityMetadata): readonly Property[] {
  const known = cache.get(metadata)
  if (known !== undefined) return known
  const children = new Set(metadata.childEntityMetadatas.map((child) => child.target))
  const columns = metadata.columns
    .filter((column) => !column.isVirtual && !column.isVirtualProperty && !children.has(column.target))
    .map((column) => {
      const also = column.relationMetadata?.propertyPath
      return { name: column.propertyPath, columns: [column], ...(also !== undefined && { also }) }
    })
  const relations = metadata.relationsWithJoinColumns
    .filter((relation) => relation.joinColumns.some((column) => column.isVirtual) && !children.has(relation.target))
    .map((relation) => ({ name: relation.propertyPath, columns: relation.joinColumns, relation }))
  const properties = [...columns, ...relations]
  cache.set(metadata, properties)
  return properties
}

/** The property that a column belongs to. */
export function propertyOf(metadata: EntityMetadata, column: ColumnMetadata): Property | undefined {
  return propertiesOf(metadata).find((property) => property.columns.includes(column))
}

/** The names that a decoration may call a property by. */
export function namesOf(metadata: EntityMetadata, name: string): readonly string[] {
  const also = propertiesOf(metadata).find((property) => property.name === name)?.also
  return also === undefined ? [name] : [name, also]
}

/** The value as the entity has it, of a relation the other side's key; undefined when the entity does not say. */
export function readProperty(
  { columns: [column], relation }: Property,
  entity: Entity,
  metadata: EntityMetadata,
): unknown {
  if (relation !== undefined) return relatedKey(relation, entity)
  if (column === undefined) return undefined
  if (column.isDiscriminator) return metadata.discriminatorValue ?? column.getEntityValue(entity)
  return shown(column, column.getEntityValue(entity))
}

function relatedKey(relation: RelationMetadata, entity: Entity): unknown {
  const related: unknown = relation.getEntityValue(entity)
  if (related === undefined || related instanceof Promise) return undefined
  if (related === null || typeof related === 'function') return related
  const referenced = relation.joinColumns.flatMap(({ referencedColumn }) => referencedColumn ?? [])
  const whole = typeof related === 'object' && !(related instanceof Uint8Array)
  return keyOf(referenced, (column) => (whole ? column.getEntityValue(related) : related))
}

/**
 * A key as the event shows it: a text, or canonical JSON of texts when it is composite, so that one row always has one
 * key, whether a driver gives `1` or `'1'`. Undefined when a part is missing.
 */
export function keyOf(
  columns: readonly ColumnMetadata[],
  read: (column: ColumnMetadata) => unknown,
): string | undefined {
  const parts = columns.map((column) => [column.propertyPath, rowKeyText(read(column))] as const)
  if (parts.length === 0 || parts.some(([, text]) => text === undefined)) return undefined
  const [first] = parts
  if (parts.length === 1) return first?.[1]
  return JSON.stringify(Object.fromEntries(parts.toSorted(([a], [b]) => (a < b ? -1 : 1))))
}

/** The primary key of an entity, or of a map of its keys. */
export function primaryKeyOf(metadata: EntityMetadata, entity: Entity): string | undefined {
  return keyOf(metadata.primaryColumns, (column) => column.getEntityValue(entity))
}

const DECIMAL = new Set<unknown>(['decimal', 'numeric', 'dec', 'fixed'])
const NUMERIC = new Set<unknown>([
  ...DECIMAL,
  Number,
  ...['int', 'integer', 'int2', 'int4', 'int8', 'tinyint', 'smallint', 'mediumint', 'bigint', 'unsigned big int'],
  ...['float', 'float4', 'float8', 'double', 'double precision', 'real', 'money'],
])

/** One form for values that drivers read in another type than an entity may be given them in. */
export function shown(column: ColumnMetadata, value: unknown): unknown {
  if (column.transformer !== undefined) return value
  if (typeof value === 'number' && column.type === 'bigint') return String(value)
  if ((typeof value === 'number' || typeof value === 'string') && DECIMAL.has(column.type)) {
    return padded(String(value), column.scale)
  }
  if (value instanceof Date && column.type === 'date' && !Number.isNaN(value.getTime())) return dayOf(value, column)
  return value
}

/** `2` in a column of two decimals is stored, and read again, as `2.00`. Never rounds: the database does that its way. */
function padded(text: string, scale: number | undefined): string {
  if (scale === undefined || scale <= 0 || !/^-?\d+(\.\d+)?$/.test(text)) return text
  const [whole, decimals = ''] = text.split('.')
  return decimals.length > scale ? text : `${whole}.${decimals.padEnd(scale, '0')}`
}

/** A date without a time is what the local calendar says, as TypeORM stores it. */
function dayOf(date: Date, column: ColumnMetadata): string {
  if (column.utc) return date.toISOString().slice(0, 10)
  const two = (part: number) => String(part).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

export function isNumeric(column: ColumnMetadata): boolean {
  return column.transformer === undefined && NUMERIC.has(column.type)
}
