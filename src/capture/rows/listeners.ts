import type { DataSource, EntityMetadata, EntitySubscriberInterface } from 'typeorm'
import type { WriteKind } from './row-drafts'

const AFTER = {
  insert: 'afterInsertListeners',
  update: 'afterUpdateListeners',
  'soft-delete': 'afterSoftRemoveListeners',
  restore: 'afterRecoverListeners',
  delete: 'afterRemoveListeners',
} as const satisfies Record<WriteKind, keyof EntityMetadata>

/**
 * Whether the application's listeners may have changed what subscribers are told of a write (values that only the
 * database has encrypted, say): the row that was loaded, or the entity once it is written. Capture's own subscriber is
 * told before all others, so of these only what they do on loading counts.
 */
export function mayBeRetold(metadata: EntityMetadata, kind: WriteKind, { subscribers }: DataSource): boolean {
  const classes = [metadata, ...metadata.childEntityMetadatas]
  if (classes.some((one) => one[AFTER[kind]].length > 0)) return true
  if (kind === 'insert') return false
  return (
    classes.some((one) => one.afterLoadListeners.length > 0) ||
    subscribers.some((one) => one.afterLoad !== undefined && isToldOf(one, metadata))
  )
}

/** As TypeORM decides it. */
function isToldOf(subscriber: EntitySubscriberInterface, { target }: EntityMetadata): boolean {
  const listened: unknown = subscriber.listenTo?.()
  if (typeof listened !== 'function' || listened === Object || listened === target) return true
  return Object.prototype.isPrototypeOf.call(listened, target)
}
