import type { DataSource } from 'typeorm'
import type { Settings } from '../../config/settings'
import { member } from '../event/copy-own'
import type { Actor, ActorType, EntryPoint } from '../event/event'
import { problemOf, type Reports } from '../report'
import { keyText, knownEntity, primaryKey } from './entity'
import { isResolvedActor } from './resolved-actor'

const TYPES: ReadonlySet<unknown> = new Set<ActorType>(['user', 'service', 'system', 'anonymous'])

/** What an actor is made of. */
export interface ActorSource {
  settings: Settings
  dataSources: Iterable<DataSource>
  reports: Reports
}

/** The fields of an application's user: by default, and over those what the settings' `actorResolver` says. */
export function actorOf(user: unknown, source: ActorSource): Actor {
  if (isResolvedActor(user)) return actorFields(user)
  const resolved = source.settings.actorResolver && resolve(user, source)
  return { ...defaultActor(user, source.dataSources), ...resolved }
}

/** Who acts in a context without a user; undefined where nothing is known of how the code came to run. */
export function actorWithoutUser(entryPoint: EntryPoint | undefined): Actor | undefined {
  if (entryPoint === undefined) return undefined
  return { type: entryPoint === 'http' ? 'anonymous' : 'system' }
}

/**
 * Known without any configuration: an entity's primary key (else `id`, `pk`, `uuid`, `sub`), its `username`, and the
 * staff and superuser flags in either spelling. A text or a number is the key itself.
 */
function defaultActor(user: unknown, dataSources: Iterable<DataSource>): Actor {
  if (typeof user !== 'object' || user === null) {
    const pk = keyText(user)
    return pk === undefined ? { type: 'user' } : { pk, type: 'user' }
  }
  const known = knownEntity(user, dataSources)
  // An entity's `type` is a column of the application's own; a plain object's may well be meant for us.
  const type = known === undefined && TYPES.has(member(user, 'type')) ? member(user, 'type') : 'user'
  return actorFields({
    pk: primaryKey(user, known),
    type,
    username: member(user, 'username') ?? member(user, 'userName'),
    is_staff: member(user, 'is_staff') ?? member(user, 'isStaff'),
    is_superuser: member(user, 'is_superuser') ?? member(user, 'isSuperuser'),
  })
}

/** Only the fields of an actor, and only with values of the right kind. */
export function actorFields(given: Partial<Record<keyof Actor, unknown>>): Actor {
  const actor: Actor = {}
  const pk = keyText(given.pk)
  if (pk !== undefined) actor.pk = pk
  if (TYPES.has(given.type)) actor.type = given.type as ActorType
  for (const field of ['username', 'organisation', 'organisation_id', 'ip'] as const) {
    const text = keyText(given[field])
    if (text !== undefined) actor[field] = text
  }
  for (const field of ['is_staff', 'is_superuser'] as const) {
    const flag = given[field]
    if (typeof flag === 'boolean' || flag === 0 || flag === 1) actor[field] = Boolean(flag)
  }
  return actor
}

function resolve(user: unknown, { settings, reports }: ActorSource): Actor | undefined {
  try {
    const fields: unknown = settings.actorResolver?.(user)
    if (fields === undefined || fields === null) return undefined
    if (typeof fields === 'object' && !(fields instanceof Promise)) return actorFields(fields)
    if (fields instanceof Promise) fields.catch((error: unknown) => fail(reports, problemOf(error)))
    fail(reports, fields instanceof Promise ? 'it returned a promise' : `it returned a ${typeof fields}`)
  } catch (error) {
    fail(reports, problemOf(error))
  }
  return undefined
}

function fail(reports: Reports, problem: string): void {
  reports.report('AUDIT_ACTOR_RESOLVER_FAILED', { problem })
}
