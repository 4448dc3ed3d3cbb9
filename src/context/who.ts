import type { Actor, EntryPoint } from '../event/event'
import { type ActorSource, actorOf, actorWithoutUser } from './actor'
import { type ContextNode, contextField } from './context'
import { type RequestParts, requestParts } from './request'

const ENTRY_POINTS: ReadonlySet<unknown> = new Set<EntryPoint>(['http', 'job', 'cli', 'system'])
const NOTHING: RequestParts = { request: undefined, ip: undefined }

/** What an observation says of who did it. */
export interface Claimed {
  /** Overrides the context's user; `null` says that there is none. */
  user?: unknown
  /** Merged over what is known of the user. */
  actor?: Actor | undefined
}

/** What is known of who did it, and from where. */
export interface Who extends RequestParts {
  entryPoint: EntryPoint | undefined
  user: unknown
  actor: Actor | undefined
}

/** Reads one part, and gives undefined if the application's objects throw. */
export type ReadPart = <T>(name: string, read: () => T) => T | undefined

/** Reads the context as it is at this moment: a user set late counts for all that comes after. */
export function whoNow(claimed: Claimed, context: ContextNode | undefined, source: ActorSource, part: ReadPart): Who {
  if (context === undefined) return whoOutside(claimed, source, part)
  const { request, ip } = part('request', () => requestParts(contextField(context, 'request'))) ?? NOTHING
  const entryPoint = part('entryPoint', () => entryPointOf(context, request !== undefined))
  const user = claimed.user === undefined ? part('user', () => contextField(context, 'user')) : claimed.user
  const known = isNobody(user) ? actorWithoutUser(entryPoint) : part('user', () => actorOf(user, source))
  return { request, ip, entryPoint, user, actor: merged(known, ip, claimed.actor) }
}

function whoOutside({ user, actor }: Claimed, source: ActorSource, part: ReadPart): Who {
  const known = isNobody(user) ? undefined : part('user', () => actorOf(user, source))
  return { request: undefined, ip: undefined, entryPoint: undefined, user, actor: merged(known, undefined, actor) }
}

function isNobody(user: unknown): user is null | undefined {
  return user === undefined || user === null
}

function merged(known: Actor | undefined, ip: string | undefined, claimed: Actor | undefined): Actor | undefined {
  if (ip === undefined && claimed === undefined) return known
  return { ...known, ...(ip !== undefined && { ip }), ...claimed }
}

function entryPointOf(context: ContextNode, hasRequest: boolean): EntryPoint | undefined {
  const given = contextField(context, 'entryPoint')
  if (given === undefined || given === null) return hasRequest ? 'http' : undefined
  if (!ENTRY_POINTS.has(given)) throw new Error(`${String(given)} is not one of ${[...ENTRY_POINTS].join(', ')}`)
  return given
}
