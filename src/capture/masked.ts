import type { EntityMetadata } from 'typeorm'
import { maskChanges } from '../event/mask'
import type { Decoration } from './decoration'
import { propertiesOf } from './properties'

const cache = new WeakMap<EntityMetadata, WeakMap<Decoration, readonly string[]>>()

/** What the decoration masks, and the columns that the entity itself keeps from being read (`select: false`). */
export function masksOf(metadata: EntityMetadata, decoration: Decoration): readonly string[] {
  const known = cache.get(metadata) ?? new WeakMap<Decoration, readonly string[]>()
  cache.set(metadata, known)
  const found = known.get(decoration)
  if (found !== undefined) return found
  const { mask, maskModes } = decoration
  const allowed = (name: string) => maskModes?.get(name)?.mode === 'allow'
  const hidden = propertiesOf(metadata).filter(
    ({ name, columns, also }) =>
      (columns.some((column) => !column.isSelect) && !allowed(name)) || (also !== undefined && mask.includes(also)),
  )
  const all = [...new Set([...mask, ...hidden.map((property) => property.name)])]
  known.set(decoration, all)
  return all
}

/** The texts of the properties that are masked: they may stand in the entity's name as well. */
export function secretsOf(entity: object, mask: readonly string[]): string[] {
  if (mask.length === 0) return []
  const roots = new Set(mask.map((path) => path.split('.')[0] ?? path))
  const holder = entity as Record<string, unknown>
  const changes = Object.fromEntries([...roots].map((root) => [root, { from: holder[root] }]))
  return maskChanges(changes, mask).secrets
}
