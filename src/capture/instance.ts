import type { DataSource, EntityMetadata } from 'typeorm'
import { keyText, knownEntity, primaryKey } from '../context/entity'
import type { Instance } from '../event/event'
import { maskText } from '../event/mask'
import { isoDate } from '../event/serialise'
import { PLAIN } from './decoration'
import { decorationOf } from './decorator'
import { masksOf, secretsOf } from './masked'
import { nameOf } from './name'
import { primaryKeyOf, propertiesOf } from './properties'
import { concreteMetadata, tableOf } from './typeorm'

/** What is known of an entity besides its metadata. */
export interface EntityFacts {
  pk?: string | undefined
  name?: string | undefined
  /** The properties concerned; the list becomes the event's. */
  fields: string[]
  date: Date
}

/** The event's `instance` for a row of an entity. */
export function describeEntity(metadata: EntityMetadata, dataSource: DataSource, facts: EntityFacts): Instance {
  const { pk, name, fields, date } = facts
  const { model, table } = tableOfModel(metadata, dataSource)
  const timestamp = isoDate(date.getTime())
  // Field by field and not by spreading, which takes several times as long: it is made for every event.
  if (pk === undefined) return { model, table, ...(name !== undefined && { name }), fields, timestamp }
  if (name === undefined) return { model, table, pk, fields, timestamp }
  return { model, table, pk, name, fields, timestamp }
}

const tables = new WeakMap<EntityMetadata, { model: string; table: string }>()

/** Asked for every event. A data source that is initialised again has new metadata. */
function tableOfModel(metadata: EntityMetadata, dataSource: DataSource): { model: string; table: string } {
  const known = tables.get(metadata)
  if (known !== undefined) return known
  const found = { model: modelOf(metadata), table: tableOf(metadata, dataSource) }
  // Before initialize() has connected, the driver does not know its schema.
  if (dataSource.isInitialized) tables.set(metadata, found)
  return found
}

/** The name of an entity's class; of a schema without one, the schema's name. */
export function modelOf({ target, targetName, name }: EntityMetadata): string {
  return typeof target === 'function' && targetName !== '' ? targetName : name
}

/**
 * The event's `instance` for an object that `sendLog` is given: an entity by its metadata; of any other object, its
 * class, its `id` and the names of its own properties. Undefined for what is no object.
 */
export function describeInstance(value: unknown, dataSources: Iterable<DataSource>): Instance | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const date = new Date()
  const known = knownEntity(value, dataSources)
  if (known === undefined) return describeObject(value, date)
  const metadata = concreteMetadata(known.metadata, value)
  const decoration = decorationOf(metadata.target) ?? PLAIN
  const name = nameOf(value, decoration)
  const masked = secretsOf(value, masksOf(metadata, decoration))
  return describeEntity(metadata, known.dataSource, {
    pk: primaryKeyOf(metadata, value),
    name: name === undefined ? undefined : maskText(name, masked),
    fields: propertiesOf(metadata).map((property) => property.name),
    date,
  })
}

function describeObject(value: object, date: Date): Instance {
  const pk = primaryKey(value, undefined) ?? keyText((value as { id?: unknown }).id)
  const { constructor: made } = value
  const name = nameOf(value, PLAIN)
  return {
    model: typeof made === 'function' && made.name !== '' ? made.name : 'Object',
    ...(pk !== undefined && { pk }),
    ...(name !== undefined && { name }),
    fields: Object.keys(value),
    timestamp: date.toISOString(),
  }
}
