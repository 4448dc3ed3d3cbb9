/** The fields of an actor, as they appear in an event's `user`. */
export interface ActorFields {
  pk?: string
  type?: 'user' | 'service' | 'system' | 'anonymous'
  username?: string
  is_staff?: boolean
  is_superuser?: boolean
  organisation?: string
  organisation_id?: string
  ip?: string
}

/**
 * Turns the application's user object into the fields of an actor; `undefined` leaves it to the default.
 *
 * @example
 * const actorResolver: ActorResolver = (user) => (user instanceof Account ? { pk: String(user.id), username: user.email } : undefined)
 */
export type ActorResolver = (user: unknown) => ActorFields | undefined
