import type { EntityMetadata } from 'typeorm'
import type { RawChange } from '../event/mask'
import type { Changed } from './changes'
import type { Draft } from './draft'
import { Gaps } from './gaps'
import { keyOf } from './properties'
import type { JunctionSide } from './selection'
import type { ColumnMetadata } from './typeorm'

/**
 * A row of a many-to-many table, told as an update of the entity that has the relation.
 *
 * @param row the keys of both sides, by the names of the table's columns; undefined when TypeORM does not tell
 */
export function junctionDraft(
  junction: EntityMetadata,
  side: JunctionSide,
  { row, kind, rows }: { row: unknown; kind: 'added' | 'removed'; rows: number | undefined },
): Draft {
  const { metadata, relation, decoration, owning } = side
  const name = relation.propertyPath
  const changes = new Map<string, RawChange>()
  const gaps = new Gaps()
  const [own, other] = owning
    ? [junction.ownerColumns, junction.inverseColumns]
    : [junction.inverseColumns, junction.ownerColumns]
  const pk = keyIn(row, own)
  const related = keyIn(row, other)
  if (related !== undefined) changes.set(name, { [kind]: [related] })
  if (pk === undefined || related === undefined) {
    gaps.add(name, `${rows ?? 'an unknown number of'} links were ${kind}, TypeORM does not tell which`)
  }
  const changed: Changed = { changes, gaps }
  return { action: 'OBJ_UPDATE', metadata, decoration, pk, changed }
}

/** The junction's columns hold keys of other entities: their names are those of the columns they refer to. */
function keyIn(row: unknown, columns: readonly ColumnMetadata[]): string | undefined {
  if (typeof row !== 'object' || row === null) return undefined
  const values = row as Record<string, unknown>
  const referenced = new Map(
    columns.flatMap((column) => (column.referencedColumn ? [[column.referencedColumn, column]] : [])),
  )
  return keyOf([...referenced.keys()], (key) => {
    const column = referenced.get(key)
    const value = column && (values[column.propertyName] ?? values[column.databaseName])
    const whole =
      typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && !(value instanceof Date)
    return whole ? key.getEntityValue(value) : value
  })
}
