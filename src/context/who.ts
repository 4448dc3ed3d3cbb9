import type { Actor, EntryPoint, Impersonator } from '../event/event'
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
  /** Overrides the context's impersonator; `null` says that there is none. */
  impersonator?: unknown
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
  const { request, ip, problems } = part('request', () => requestParts(contextField(context, 'request'))) ?? NOTHING
  for (const problem of problems ?? []) part(`request ${String(problem.details.option)}`, () => raise(problem))
  const entryPoint = part('entryPoint', () => entryPointOf(context, request !== undefined))
  const read = claimed.user === undefined ? part('user', () => ({ user: contextField(context, 'user') })) : claimed
  // One that could not be read is somebody all the same: nobody must then appear as anonymous.
  const user = read?.user
  const behind = impersonatorNow(claimed, context, user, source, part)
  if (read === undefined) {
    return { request, ip, entryPoint, user, actor: withImpersonator(merged(undefined, ip, claimed.actor), behind) }
  }
  const known = isNobody(user) ? actorWithoutUser(entryPoint) : part('user', () => knownActor(user, source))
  return { request, ip, entryPoint, user, actor: withImpersonator(merged(known, ip, claimed.actor), behind) }
}

function whoOutside({ user, actor }: Claimed, source: ActorSource, part: ReadPart): Who {
  const known = isNobody(user) ? undefined : part('user', () => actorOf(user, source))
  return { request: undefined, ip: undefined, entryPoint: undefined, user, actor: merged(known, undefined, actor) }
}

/** Of a job whose context is not to be believed nothing is known, which is not the same as an actor without fields. */
function knownActor(user: unknown, source: ActorSource): Actor | undefined {
  const actor = actorOf(user, source)
  return Object.keys(actor).length === 0 ? undefined : actor
}

function raise(problem: Error): never {
  throw problem
}

function impersonatorNow(
  claimed: Claimed,
  context: ContextNode,
  user: unknown,
  source: ActorSource,
  part: ReadPart,
): Impersonator | undefined {
  return part('impersonator', () => {
    const given = claimed.impersonator === undefined ? contextField(context, 'impersonator') : claimed.impersonator
    return isNobody(given) || given === user ? undefined : inShort(given, source)
  })
}

/** Who somebody is, by the same resolver as any user. */
export function inShort(user: unknown, source: ActorSource): Impersonator {
  const { pk, type, username } = actorOf(user, source)
  return {
    ...(pk !== undefined && { pk }),
    ...(type !== undefined && { type }),
    ...(username !== undefined && { username }),
  }
}

/** Whoever acts under his own name impersonates nobody, even where the context still says so. */
function withImpersonator(actor: Actor | undefined, impersonator: Impersonator | undefined): Actor | undefined {
  if (impersonator === undefined) return actor
  const same = impersonator.pk !== undefined && impersonator.pk === actor?.pk && impersonator.type === actor?.type
  return same ? actor : { ...actor, impersonator }
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
