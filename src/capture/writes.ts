import type { EntityMetadata } from 'typeorm'
import {
  type Changed,
  createdChanges,
  deletionDateChanges,
  type Evidence,
  removedChanges,
  setChanges,
  updatedChanges,
  upsertedChanges,
} from './changes'
import type { Decoration, ObjectAction } from './decoration'
import type { Draft } from './draft'
import { Gaps, WHY } from './gaps'
import { asInstance, viewOf } from './name'
import { keyOf, primaryKeyOf } from './properties'
import { propertiesNotKept } from './rows/kept-as-given'
import {
  type ColumnMetadata,
  dataSourceOf,
  escaped,
  familyOf,
  type RelationMetadata,
  runsBeforeUpdate,
  type SubscriberEvent,
} from './typeorm'
import { insertMode, isSingleRow, leavesDefault, overwritesColumn, setsColumn, type WriteResult } from './write-results'

/** What TypeORM tells a subscriber after a write; which of it is there depends on how the write was made. */
export interface WriteEvent extends SubscriberEvent {
  readonly metadata: EntityMetadata
  readonly entity?: unknown
  readonly databaseEntity?: unknown
  readonly entityId?: unknown
  readonly updatedColumns?: readonly ColumnMetadata[]
  readonly updatedRelations?: readonly RelationMetadata[]
}

/** A write, the entity it concerns, and what its statement did. */
export interface Write {
  readonly event: WriteEvent
  /** Of the concrete class, where it is known. */
  readonly metadata: EntityMetadata
  readonly decoration: Decoration
  readonly result: WriteResult
}

const UNKNOWN_KEY = 'the key of the row is not known'

/** An insert: by save(), by insert() or a query builder, or by one that may have inserted nothing or updated instead. */
export function insertedDraft(write: Write): Draft | undefined {
  const { event, metadata, decoration, result } = write
  if (result.rows === 0) return undefined
  const entity = objectOf(event.entity) ?? {}
  const saved = event.entityId !== undefined && event.entityId !== null
  const mode = saved ? 'insert' : insertMode(result)
  if (mode !== 'upsert' && !decoration.actions.includes('OBJ_CREATE')) return undefined
  const single = result.rows === 1 && isSingleRow(result)
  if (mode === 'ignore' && !single) {
    // Which of the rows were inserted cannot be said, so they are told of together.
    return result.first ? unknownRows(write, 'OBJ_CREATE', 'inserted where none existed: which ones is') : undefined
  }
  if (mode === 'upsert') return upsertedDraft(write, entity, single)
  const changed = createdChanges(metadata, entity, { readBack: saved, evidence: evidenceOf(write) })
  distrustGiven(write, entity, changed)
  const mixed = !saved && mixesRows(write)
  if (mixed) distrustGenerated(metadata, changed)
  const pk = mixed ? undefined : keyOfEvent(write, entity)
  if (pk === undefined) changed.gaps.note(UNKNOWN_KEY)
  return { action: 'OBJ_CREATE', metadata, decoration, pk, changed, named: () => asInstance(metadata, entity) }
}

/** TypeORM calls every row of an upsert inserted, and may have given it the key of another. */
function upsertedDraft(write: Write, entity: object, single: boolean): Draft {
  const { event, metadata, decoration } = write
  const dataSource = dataSourceOf(event)
  const trusted = single && dataSource !== undefined && familyOf(dataSource) === 'postgres'
  const evidence = evidenceOf(write)
  const changed = upsertedChanges(metadata, entity, { trusted, evidence })
  changed.gaps.note('an upsert: whether the row was created, updated or left as it was is not known')
  const known = metadata.primaryColumns.every((column) =>
    column.isGenerated ? trusted : evidence.overwrote({ name: column.propertyPath, columns: [column] }),
  )
  const pk = known ? primaryKeyOf(metadata, entity) : undefined
  if (pk === undefined) changed.gaps.note(UNKNOWN_KEY)
  return { action: 'OBJ_CREATE', metadata, decoration, pk, changed }
}

/** An update: of a loaded entity by save(), through its parent, or of unknown rows by criteria. */
export function updatedDraft(write: Write): Draft | undefined {
  const { event, metadata, decoration, result } = write
  const { updatedColumns: columns = [], updatedRelations: relations = [] } = event
  if (result.rows === 0) return undefined
  const before = objectOf(event.databaseEntity)
  if (before === undefined) {
    // Inserted and then updated in one save(), for keys that refer to each other: the creation tells it all.
    if (columns.length > 0 || relations.length > 0) return undefined
    return criteriaUpdate(write)
  }
  const after = objectOf(event.entity) ?? before
  const evidence = evidenceOf(write)
  const relationsLoaded = !runsBeforeUpdate(dataSourceOf(event), metadata)
  const changed = updatedChanges(metadata, { before, after }, { columns, relations, relationsLoaded, evidence })
  const nothing = changed.changes.size === 0 && changed.gaps.names.length === 0
  if (nothing && columns.length === 0 && relations.length === 0) {
    changed.gaps.note('a relation of the row was changed by saving the other side, TypeORM does not tell which')
  }
  const pk = primaryKeyOf(metadata, before)
  return { action: 'OBJ_UPDATE', metadata, decoration, pk, changed, named: () => afterwards(metadata, before, changed) }
}

/** A deletion: of a loaded entity, of an orphan, or of unknown rows by criteria. */
export function removedDraft(write: Write): Draft | undefined {
  const { event, metadata, decoration, result } = write
  if (result.rows === 0) return undefined
  const before = objectOf(event.databaseEntity)
  if (before !== undefined) {
    const changed = removedChanges(metadata, before)
    const pk = primaryKeyOf(metadata, before)
    return { action: 'OBJ_DELETE', metadata, decoration, pk, changed, named: () => before }
  }
  // remove() looked for the row and did not find it.
  if (objectOf(event.entity) !== undefined) return undefined
  return orphan(write, 'OBJ_DELETE') ?? unknownRows(write, 'OBJ_DELETE', 'deleted by criteria: keys and old values are')
}

/** A soft delete, or its reversal. */
export function softDraft(write: Write, kind: 'removed' | 'recovered'): Draft | undefined {
  const { event, metadata, decoration, result } = write
  if (result.rows === 0) return undefined
  const removed = kind === 'removed'
  const action = removed ? 'OBJ_DELETE' : 'OBJ_UPDATE'
  const content = removed ? { soft: true } : { recovered: true }
  const before = objectOf(event.databaseEntity)
  if (before === undefined) {
    const text = `${removed ? 'soft-deleted' : 'restored'} by criteria: keys and old values are`
    const draft = orphan(write, action) ?? unknownRows(write, action, text)
    return { ...draft, content }
  }
  const after = objectOf(event.entity) ?? before
  const changed = deletionDateChanges(metadata, { before, after })
  const pk = primaryKeyOf(metadata, before)
  return { action, metadata, decoration, pk, changed, content, named: () => afterwards(metadata, before, changed) }
}

function criteriaUpdate(write: Write): Draft {
  const values = objectOf(write.event.entity)
  if (values !== undefined) {
    return unknownRows(
      write,
      'OBJ_UPDATE',
      'updated by criteria: keys and old values are',
      setChanges(write.metadata, values),
    )
  }
  return unknownRows(write, 'OBJ_UPDATE', 'updated by saving a related entity: keys and values are')
}

/** A row that was removed because its parent no longer has it: TypeORM knows no more than its key. */
function orphan({ event, metadata, decoration }: Write, action: ObjectAction): Draft | undefined {
  const { entityId } = event
  if (entityId === undefined || entityId === null) return undefined
  const gaps = new Gaps()
  gaps.note('an orphan, removed by saving its parent: its values were not loaded')
  return { action, metadata, decoration, pk: keyOfMixed(metadata, entityId), changed: { changes: new Map(), gaps } }
}

/** One event for a statement whose rows TypeORM does not tell. */
function unknownRows(
  { metadata, decoration, result }: Write,
  action: ObjectAction,
  what: string,
  known?: Changed,
): Draft {
  const changed = known ?? { changes: new Map(), gaps: new Gaps() }
  const { rows } = result
  const many = rows === undefined ? 'an unknown number of rows was' : rows === 1 ? '1 row was' : `${rows} rows were`
  changed.gaps.note(`${many} ${what} not known`)
  return { action, metadata, decoration, changed }
}

/**
 * Whether TypeORM may have given the rows of one statement each other's keys. Without RETURNING it counts from the first
 * or the last one, which is wrong as soon as one row came with a key; in sql.js it gives all of them the last one.
 */
function mixesRows(write: Write): boolean {
  const generated = write.metadata.primaryColumns.filter((column) => column.isGenerated)
  const dataSource = dataSourceOf(write.event)
  if (generated.length === 0 || write.result.rows === 1) return false
  if (dataSource?.driver.isReturningSqlSupported('insert') === true) return false
  const { leftDefault } = evidenceOf(write)
  const counted = generated.every((column) => leftDefault({ name: column.propertyPath, columns: [column] }) === true)
  return dataSource?.options.type === 'sqljs' || !counted
}

/** Leaves out what the database chose: TypeORM may have given it to the wrong row. */
function distrustGenerated(metadata: EntityMetadata, { changes, gaps }: Changed): void {
  for (const column of metadata.getInsertionReturningColumns()) {
    changes.delete(column.propertyPath)
    gaps.add(column.propertyPath, 'TypeORM may have assigned the value of another row')
  }
}

/** Leaves out what MySQL may keep in another way than it was given, of a row that could not be read. */
function distrustGiven({ event, metadata }: Write, entity: object, { changes, gaps }: Changed): void {
  const dataSource = dataSourceOf(event)
  if (dataSource === undefined || familyOf(dataSource) !== 'mysql') return
  // Of these, TypeORM has read what the database has.
  const read = new Set(event.entityId === undefined ? [] : metadata.getInsertionReturningColumns())
  for (const { name, columns } of propertiesNotKept(metadata, entity, 'mysql')) {
    if (columns.every((column) => read.has(column)) || !changes.delete(name)) continue
    gaps.add(name, WHY.notKept)
  }
}

function keyOfEvent({ event, metadata }: Write, entity: object): string | undefined {
  const { entityId } = event
  const known = entityId === undefined || entityId === null ? undefined : keyOfMixed(metadata, entityId)
  return known ?? primaryKeyOf(metadata, entity)
}

/** TypeORM's "mixed map": the key itself, or a map of its parts when it is composite. */
function keyOfMixed(metadata: EntityMetadata, id: unknown): string | undefined {
  const map = objectOf(id)
  if (map !== undefined && metadata.hasMultiplePrimaryKeys) return primaryKeyOf(metadata, map)
  return keyOf(metadata.primaryColumns, () => id)
}

function afterwards(metadata: EntityMetadata, before: object, { changes }: Changed): object {
  const known = [...changes].flatMap(([path, change]) =>
    'to' in change ? [[path, change.to] as [string, unknown]] : [],
  )
  return viewOf(metadata, before, known)
}

function evidenceOf({ event, result }: Write): Evidence {
  const name = (column: ColumnMetadata) => escaped(event, column.databaseName)
  return {
    leftDefault: ({ columns }) => columns.every((column) => leavesDefault(result, name(column)) === true),
    wrote: ({ columns }) => columns.some((column) => setsColumn(result, name(column))),
    overwrote: ({ columns }) => columns.every((column) => overwritesColumn(result, name(column))),
  }
}

function objectOf(value: unknown): object | undefined {
  return typeof value === 'object' && value !== null ? value : undefined
}
