import type { EntityMetadata } from 'typeorm'
import type { RawChange } from '../event/mask'
import { Gaps, WHY } from './gaps'
import { type Property, propertiesOf, propertyOf, readProperty } from './properties'
import { sameValue } from './same-value'
import type { ColumnMetadata, RelationMetadata } from './typeorm'

/** What an event shows of a write, before the decoration's filters. */
export interface Changed {
  readonly changes: Map<string, RawChange>
  readonly gaps: Gaps
}

/** What is asked about the statements that did it. */
export interface Evidence {
  /** Whether an INSERT left the property to its default; undefined when that cannot be said. */
  leftDefault(property: Property): boolean | undefined
  /** Whether an UPDATE wrote the property. */
  wrote(property: Property): boolean
  /** Whether an upsert puts the given value into a row that was there already. */
  overwrote(property: Property): boolean
}

/**
 * `{to}` of every property of an entity that was inserted.
 *
 * @param readBack whether TypeORM has put what the database chose into the entity
 */
export function createdChanges(
  metadata: EntityMetadata,
  entity: object,
  { readBack, evidence }: { readBack: boolean; evidence: Evidence },
): Changed {
  const changes = new Map<string, RawChange>()
  const gaps = new Gaps()
  const returned = new Set(metadata.getInsertionReturningColumns())
  for (const property of propertiesOf(metadata)) {
    const { name, columns, relation } = property
    const to = readProperty(property, entity, metadata)
    const chosen = columns.some((column) => returned.has(column))
    if (typeof to === 'function') gaps.add(name, WHY.expression)
    else if (columns.every((column) => !column.isInsert) && !(chosen && readBack)) gaps.add(name, WHY.notReturned)
    else if (chosen && !readBack && (to === undefined || to === null)) {
      if (isUndeleted(property, evidence)) changes.set(name, { to: null })
      else gaps.add(name, WHY.notReturned)
    } else if (to !== undefined) changes.set(name, { to })
    else if (isNullByDefault(property, relation, evidence)) changes.set(name, { to: null })
    else gaps.add(name, WHY.notGiven)
  }
  return { changes, gaps }
}

/** The deletion date counts as chosen by the database, but without a default it chooses null. */
function isUndeleted(property: Property, evidence: Evidence): boolean {
  const none = property.columns.every((column) => column.isDeleteDate && column.default === undefined)
  return none && evidence.leftDefault(property) === true
}

/** A relation that is not given may have been set by saving its other side, unless it has none. */
function isNullByDefault(property: Property, relation: RelationMetadata | undefined, evidence: Evidence): boolean {
  if (!property.columns.every((column) => column.isNullable)) return false
  if (relation === undefined) return true
  return relation.inverseRelation === undefined || evidence.leftDefault(property) === true
}

/**
 * `{to}` of what an upsert has written to the row, whether it was there or not: only what was given and overwrites.
 *
 * @param trusted whether what TypeORM read back is this row's
 */
export function upsertedChanges(
  metadata: EntityMetadata,
  entity: object,
  { trusted, evidence }: { trusted: boolean; evidence: Evidence },
): Changed {
  const changes = new Map<string, RawChange>()
  const gaps = new Gaps()
  const returned = new Set(metadata.getInsertionReturningColumns())
  for (const property of propertiesOf(metadata)) {
    const { name, columns } = property
    const to = readProperty(property, entity, metadata)
    const chosen = columns.some((column) => returned.has(column))
    if (to === undefined || (chosen && to === null)) continue
    if (typeof to === 'function') gaps.add(name, WHY.expression)
    else if (chosen ? trusted : evidence.overwrote(property)) changes.set(name, { to })
  }
  return { changes, gaps }
}

/** What TypeORM lists as changed, and what its statement shows. */
export interface Written {
  readonly columns: readonly ColumnMetadata[]
  readonly relations: readonly RelationMetadata[]
  /** Whether a listed relation without an old value had none: TypeORM loads the keys that it is going to compare. */
  readonly relationsLoaded: boolean
  readonly evidence: Evidence
}

/** `{from, to}` of the properties that an update of a loaded entity has changed, and only of these. */
export function updatedChanges(
  metadata: EntityMetadata,
  { before, after }: { before: object; after: object },
  written: Written,
): Changed {
  const changes = new Map<string, RawChange>()
  const gaps = new Gaps()
  const { relationsLoaded } = written
  const listed = new Set<Property>()
  for (const column of written.columns) {
    const property = column.isUpdate ? propertyOf(metadata, column) : undefined
    if (property !== undefined) listed.add(property)
  }
  for (const relation of written.relations) {
    for (const column of relation.joinColumns) {
      const property = propertyOf(metadata, column)
      if (property !== undefined) listed.add(property)
    }
  }
  for (const property of propertiesOf(metadata)) {
    if (listed.has(property)) addChange(property, { before, after, metadata, relationsLoaded }, { changes, gaps })
    else if (property.columns.some(isKeptByDatabase)) addKept(property, { before, after, metadata }, { changes, gaps })
    else if (property.relation?.inverseRelation !== undefined && written.evidence.wrote(property)) {
      // A child attached to its parent by saving the parent: TypeORM does not say what it wrote into the key.
      gaps.add(property.name, WHY.parent)
    }
  }
  return { changes, gaps }
}

interface Sides {
  before: object
  after: object
  metadata: EntityMetadata
}

function addChange(property: Property, sides: Sides & { relationsLoaded: boolean }, { changes, gaps }: Changed): void {
  const { before, after, metadata, relationsLoaded } = sides
  const { name, columns, relation } = property
  const loaded = readProperty(property, before, metadata)
  // TypeORM leaves out the key of a relation that is null.
  const from = loaded === undefined && relation !== undefined && relationsLoaded ? null : loaded
  const to = readProperty(property, after, metadata)
  if (typeof to === 'function') {
    gaps.add(name, WHY.expression)
    if (from !== undefined) changes.set(name, { from })
  } else if (from === undefined) {
    gaps.add(name, columns.some((column) => !column.isSelect) ? WHY.notSelected : WHY.notLoaded)
    changes.set(name, { to })
  } else if (!sameValue(property, from, to)) changes.set(name, { from, to })
}

/** Update dates, versions and generated columns, which no one lists as changed. */
function addKept(property: Property, { before, after, metadata }: Sides, { changes, gaps }: Changed): void {
  const from = readProperty(property, before, metadata)
  const to = readProperty(property, after, metadata)
  const unread = to === undefined || (to === null && from !== null)
  const stale =
    property.columns.some((column) => column.isVersion) && from !== undefined && sameValue(property, from, to)
  if (unread || stale) {
    if (unread && from === null && property.columns.every((column) => column.asExpression !== undefined)) return
    gaps.add(property.name, WHY.stale)
  } else if (from === undefined) {
    gaps.add(property.name, WHY.notSelected)
    changes.set(property.name, { to })
  } else if (!sameValue(property, from, to)) changes.set(property.name, { from, to })
}

function isKeptByDatabase(column: ColumnMetadata): boolean {
  return column.isUpdateDate || column.isVersion || column.asExpression !== undefined
}

/** `{from}` of every property of an entity that was deleted. */
export function removedChanges(metadata: EntityMetadata, before: object): Changed {
  const changes = new Map<string, RawChange>()
  const gaps = new Gaps()
  for (const property of propertiesOf(metadata)) {
    const from = readProperty(property, before, metadata)
    if (from !== undefined) changes.set(property.name, { from })
    else gaps.add(property.name, property.columns.some((column) => !column.isSelect) ? WHY.notSelected : WHY.notLoaded)
  }
  return { changes, gaps }
}

/** The deletion date of a soft delete or a recovery, and what the database keeps up to date with it. */
export function deletionDateChanges(metadata: EntityMetadata, sides: { before: object; after: object }): Changed {
  const columns = metadata.deleteDateColumn === undefined ? [] : [metadata.deleteDateColumn]
  const evidence: Evidence = { leftDefault: () => undefined, wrote: () => false, overwrote: () => false }
  return updatedChanges(metadata, sides, { columns, relations: [], relationsLoaded: false, evidence })
}

/** `{to}` of what a statement by criteria sets: the rows, and so their old values, are not known. */
export function setChanges(metadata: EntityMetadata, values: object): Changed {
  const changes = new Map<string, RawChange>()
  const gaps = new Gaps()
  for (const property of propertiesOf(metadata)) {
    const to = readProperty(property, values, metadata)
    if (to === undefined) continue
    if (typeof to === 'function') gaps.add(property.name, WHY.expression)
    else changes.set(property.name, { to })
  }
  return { changes, gaps }
}
