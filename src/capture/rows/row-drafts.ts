import type { DataSource, EntityMetadata } from 'typeorm'
import type { RawChange } from '../../event/mask'
import type { Decoration, ObjectAction } from '../decoration'
import type { Draft } from '../draft'
import { Gaps } from '../gaps'
import { keyOf } from '../properties'
import type { JunctionSide } from '../selection'
import type { ColumnMetadata } from '../typeorm'
import { differs, layoutOf, placedPropertiesOf, type Row, type RowChange, RowImage } from './row'

export type WriteKind = 'insert' | 'update' | 'delete' | 'soft-delete' | 'restore'

/** What the event of such a write has to say beyond its changes. */
export const CONTENT: Partial<Record<WriteKind, Record<string, unknown>>> = {
  'soft-delete': { soft: true },
  restore: { recovered: true },
}

interface Subject {
  readonly metadata: EntityMetadata
  readonly decoration: Decoration
  readonly dataSource: DataSource
}

/** What an event shows of one written row; undefined when nothing that an entity shows was changed. */
export function rowDraft(kind: WriteKind, change: RowChange, subject: Subject): Draft | undefined {
  const { before, after, changed, doubt } = change
  const { metadata, decoration, dataSource } = subject
  const from = before && new RowImage(before, metadata, dataSource)
  const to = after && new RowImage(after, metadata, dataSource)
  const changes = new Map<string, RawChange>()
  const pair = from && to && { before: from.row, after: to.row, changed }
  for (const property of placedPropertiesOf(metadata)) {
    if (from !== undefined && to !== undefined && pair !== undefined) {
      if (!differs(property, pair)) continue
      changes.set(property.name, { from: from.value(property), to: to.value(property) })
    } else if (to !== undefined) changes.set(property.name, { to: to.value(property) })
    else if (from !== undefined) changes.set(property.name, { from: from.value(property) })
  }
  const known = from ?? to
  if (known === undefined || (pair !== undefined && changes.size === 0)) return undefined
  const named = () => (to ?? known).entity()
  const gaps = new Gaps()
  if (doubt !== undefined) gaps.note(doubt)
  return {
    action: actionOf(kind, before, after),
    metadata,
    decoration,
    pk: known.pk,
    changed: { changes, gaps },
    named,
    content: CONTENT[kind],
  }
}

function actionOf(kind: WriteKind, before: Row | undefined, after: Row | undefined): ObjectAction {
  if (before === undefined) return 'OBJ_CREATE'
  if (after === undefined || kind === 'soft-delete') return 'OBJ_DELETE'
  return 'OBJ_UPDATE'
}

/** An event that says that rows were written which could not be read. */
export function unreadRowsDraft(kind: WriteKind, { metadata, decoration }: Subject, why: string): Draft {
  const action =
    kind === 'insert' ? 'OBJ_CREATE' : kind === 'update' || kind === 'restore' ? 'OBJ_UPDATE' : 'OBJ_DELETE'
  const gaps = new Gaps()
  gaps.note(why)
  return { action, metadata, decoration, changed: { changes: new Map(), gaps }, content: CONTENT[kind] }
}

/** The links that a statement has made or removed: one update for each entity whose relation it is. */
export function linkDrafts(
  changes: readonly RowChange[],
  junction: EntityMetadata,
  side: JunctionSide,
  dataSource: DataSource,
): Draft[] {
  const { metadata, relation, decoration, owning } = side
  const [own, other] = owning
    ? [junction.ownerColumns, junction.inverseColumns]
    : [junction.inverseColumns, junction.ownerColumns]
  const links = new Map<string | undefined, { added: string[]; removed: string[] }>()
  for (const { before, after } of changes) {
    const row = after ?? before
    if (row === undefined) continue
    const pk = keyIn(row, own, junction, dataSource)
    const related = keyIn(row, other, junction, dataSource)
    const link = links.get(pk) ?? { added: [], removed: [] }
    links.set(pk, link)
    if (related !== undefined) (after !== undefined ? link.added : link.removed).push(related)
  }
  return [...links].map(([pk, { added, removed }]) => {
    const change = { ...(added.length > 0 && { added }), ...(removed.length > 0 && { removed }) }
    const changed = { changes: new Map<string, RawChange>([[relation.propertyPath, change]]), gaps: new Gaps() }
    return { action: 'OBJ_UPDATE', metadata, decoration, pk, changed }
  })
}

function keyIn(
  row: Row,
  columns: readonly ColumnMetadata[],
  junction: EntityMetadata,
  { driver }: DataSource,
): string | undefined {
  const joined = new Map(columns.flatMap((one) => (one.referencedColumn ? [[one.referencedColumn, one]] : [])))
  const { places } = layoutOf(junction)
  return keyOf([...joined.keys()], (key) => {
    const own = joined.get(key)
    return own && driver.prepareHydratedValue(row[places.get(own.databaseName) ?? -1], own)
  })
}
