import type { Actor } from '../event/event'

/** Of all copies of this package in the process. */
const RESOLVED = Symbol.for('typeorm-audit-logger.resolved-actor')

/**
 * An actor that was worked out elsewhere, as the `user` of a context: its fields are taken as they are. Neither the
 * `actorResolver` nor the organisation path is asked, which know the application's user objects and not this.
 */
export function resolvedActor(fields: Actor): object {
  return Object.defineProperty({ ...fields }, RESOLVED, { value: true })
}

export function isResolvedActor(user: unknown): user is Actor {
  return typeof user === 'object' && user !== null && Object.hasOwn(user, RESOLVED)
}
