import { randomBytes } from 'node:crypto'
import type { Actor } from '../../event/event'
import { actorFields } from '../actor'
import { resolvedActor } from '../resolved-actor'
import type { Present } from './present'

/** Where a job carries the context it was added in: in its data, and a mark in its options. */
export const KEY = 'typeorm-audit-logger'
const VERSION = 1

/**
 * What stands under the key in a job's data. `mark` stands in the job's options too: data often comes from outside (a
 * request's body), options come from code, so what a client writes under the key is not believed.
 */
export interface Carrier {
  v: typeof VERSION
  mark: string
  user?: Actor
  request_id?: string
  trace_id?: string
}

/** What the worker makes of it. */
export interface Carried {
  /** `null`: nobody asked for it, so it is the system's own. */
  user: unknown
  /** Who acted under the user's name. */
  impersonator?: unknown
  requestId?: string
  traceId?: string
  /** Why it is not believed. */
  problem?: string
}

/** As the HTTP adapters accept them, and as W3C trace context writes them. */
const REQUEST_ID = /^[A-Za-z0-9._~:/+=@-]{1,128}$/
const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/
const TEXT_LENGTH = 1_000

export function carrierOf({ user, requestId, traceId }: Present): Carrier {
  return {
    v: VERSION,
    mark: randomBytes(12).toString('base64url'),
    ...(user !== undefined && { user }),
    ...(requestId !== undefined && { request_id: requestId }),
    ...(traceId !== undefined && { trace_id: traceId }),
  }
}

/**
 * Reads what a job carries. Nothing is known of the actor when it is not as this package writes it: neither does the
 * job fail over it, nor is an event made to say something that nobody vouches for.
 *
 * @param inData what stands under the key in the job's data
 * @param inOptions what stands under it in the job's options: the mark, or all where the data has no room for a key
 */
export function readCarrier(inData: unknown, inOptions: unknown): Carried {
  if (inData === undefined && inOptions === undefined) return { user: null }
  const carrier: unknown = isObject(inOptions) ? inOptions : inData
  const problem = problemOf(carrier, inOptions)
  if (problem !== undefined || !isObject(carrier)) return { user: resolvedActor({}), problem: problem ?? 'it is gone' }
  const { user, request_id, trace_id } = carrier
  const impersonator: unknown = isObject(user) ? user.impersonator : undefined
  return {
    // Added in a context that did not know its user either: that is not to become the system's doing.
    user: actorIn(user),
    ...(isObject(impersonator) && { impersonator: actorIn(impersonator) }),
    ...(matches(request_id, REQUEST_ID) && { requestId: request_id }),
    ...(matches(trace_id, TRACE_ID) && { traceId: trace_id }),
  }
}

function problemOf(carrier: unknown, inOptions: unknown): string | undefined {
  if (carrier === undefined) return 'the data of the job was replaced, and with it the context'
  if (!isObject(carrier)) return 'it is not an object'
  if (carrier.v !== VERSION) return `its version is not ${VERSION}, the one that this worker knows`
  if (carrier !== inOptions && (typeof carrier.mark !== 'string' || carrier.mark !== inOptions)) {
    return 'its mark is not that of the options, so it was not written by auditQueue'
  }
  return carrier.user === undefined || isObject(carrier.user) ? undefined : 'its user is not an actor'
}

function actorIn(fields: unknown): object {
  return resolvedActor(isObject(fields) ? shortened(actorFields(fields)) : {})
}

/** Whoever writes into Redis must not make events of any size. */
function shortened(actor: Actor): Actor {
  const cut = (value: unknown): unknown => (typeof value === 'string' ? value.slice(0, TEXT_LENGTH) : value)
  return Object.fromEntries(Object.entries(actor).map(([field, value]) => [field, cut(value)]))
}

function matches(value: unknown, form: RegExp): value is string {
  return typeof value === 'string' && form.test(value)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
