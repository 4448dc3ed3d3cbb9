import type { DataSource, EntityMetadata } from 'typeorm'
import { member } from '../event/copy-own'

/** An entity's metadata, and the data source that knows it. */
export interface KnownEntity {
  dataSource: DataSource
  metadata: EntityMetadata
}

/** Finds the data source that an object is an entity of; undefined for any other value. */
export function knownEntity(value: unknown, dataSources: Iterable<DataSource>): KnownEntity | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const target: unknown = value.constructor
  // Looking up an unknown class scans all entities, and plain objects are the commonest of these.
  if (typeof target !== 'function' || target === Object) return undefined
  for (const dataSource of dataSources) {
    if (dataSource.isInitialized && dataSource.hasMetadata(target)) {
      return { dataSource, metadata: dataSource.getMetadata(target) }
    }
  }
  return undefined
}

/** The primary key as the event shows it: of an entity by its metadata, else by the usual names. */
export function primaryKey(value: object, known: KnownEntity | undefined): string | undefined {
  if (known === undefined) {
    const names = ['id', 'pk', 'uuid', 'sub']
    return names.map((name) => keyText(member(value, name))).find((text) => text !== undefined)
  }
  const { primaryColumns } = known.metadata
  const [column] = primaryColumns
  if (primaryColumns.length === 1 && column !== undefined) return keyText(column.getEntityValue(value))
  return compositeKey(primaryColumns.map((one) => [one.propertyPath, keyText(one.getEntityValue(value))]))
}

/** Canonical JSON, names sorted, so that one row always has one key. Undefined when a part is missing. */
function compositeKey(parts: [string, string | undefined][]): string | undefined {
  if (parts.length === 0 || parts.some(([, text]) => text === undefined)) return undefined
  return JSON.stringify(Object.fromEntries(parts.sort(([a], [b]) => (a < b ? -1 : 1))))
}

/** A key as text; objects only when they have a text of their own (ObjectId, Uint8Array keys as hex). */
export function keyText(value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString()
  return typeof value === 'object' ? ownText(value) : undefined
}

/** The same of a column of a row's key, where a text may be empty and a flag is one of two. */
export function rowKeyText(value: unknown): string | undefined {
  return value === '' || typeof value === 'boolean' ? String(value) : keyText(value)
}

/** What an object's own `toString` says; undefined when it only has Object's. */
export function ownText(value: object): string | undefined {
  const { toString: own } = value as { toString?: unknown }
  if (typeof own !== 'function' || own === Object.prototype.toString) return undefined
  const text: unknown = own.call(value)
  return typeof text === 'string' && text !== '' ? text : undefined
}
