import type { Action, Actor, Change, Changes, EntryPoint, Instance, JsonObject, Outcome, RequestFields } from './event'
import { maskChanges, type RawChanges } from './mask'
import { masker } from './mask-text'
import { kindOfKey } from './secret-key'
import { type OpenEvent, type OpenLine, openLine } from './serialise'
import { Walk } from './values'

/** An event whose values are still the application's own objects. */
export interface RawEvent {
  id: string
  date: string
  action: Action
  outcome?: Outcome | undefined
  reason?: string | undefined
  user?: Actor | undefined
  instance?: Instance | undefined
  changes?: RawChanges | undefined
  content?: Record<string, unknown> | undefined
  request?: Record<string, unknown> | undefined
  entryPoint?: EntryPoint | undefined
  stack?: string[] | undefined
  coverage: readonly string[]
  /** Paths that are masked already. */
  masked?: readonly string[] | undefined
  /** Raw values that must not appear anywhere. */
  secrets?: readonly string[] | undefined
}

export interface BuiltEvent {
  line: OpenLine
  user: Actor | undefined
  /** For texts that are added when the event is delivered. */
  mask: (text: string) => string
  /** Paths of what could not be read. */
  unreadable: readonly string[]
}

/** Makes JSON of everything but `user`, once, and masks what is secret, wherever it stands. */
export function buildEvent(raw: RawEvent): BuiltEvent {
  try {
    return build(raw, true)
  } catch {
    // An object that reads differently each time passed the walk and then failed in JSON.stringify. Copied, it cannot;
    // what still throws is the recorder's to report.
    return build(raw, false)
  }
}

function build(raw: RawEvent, share: boolean): BuiltEvent {
  const seen = pass(raw, new Walk({ share, mask: true }), new Set(raw.secrets))
  if (seen.secrets.size === 0) return close(seen, unchanged)
  // Masked values are looked for in every other field as well, so all is read again, knowing them.
  const mask = masker(seen.secrets)
  return close(pass(raw, new Walk({ share, mask: true, replace: mask }), seen.secrets), mask)
}

interface Pass {
  event: OpenEvent
  user: Actor | undefined
  unreadable: readonly string[]
  secrets: Set<string>
}

function close({ event, user, unreadable }: Pass, mask: (text: string) => string): BuiltEvent {
  return { line: openLine(event), user, mask, unreadable }
}

function pass(raw: RawEvent, walk: Walk, secrets: Set<string>): Pass {
  const event: OpenEvent = { id: raw.id, date: raw.date, action: String(raw.action).toWellFormed() }
  const { masked, truncated, unreadable } = walk
  if (raw.masked !== undefined) masked.push(...raw.masked)
  if (raw.outcome !== undefined) event.outcome = raw.outcome
  if (raw.reason !== undefined) event.reason = walk.take('reason', raw.reason) as string
  if (raw.instance !== undefined) event.instance = texts(raw.instance, 'instance', ['name'], walk)
  if (raw.changes !== undefined) event.changes = changes(raw.changes, walk, secrets)
  if (raw.content !== undefined) event.content = walk.take('content', raw.content) as JsonObject
  if (raw.request !== undefined) event.request = walk.take('request', raw.request) as RequestFields
  if (raw.entryPoint !== undefined) event.entry_point = raw.entryPoint
  if (raw.stack !== undefined) event.stack = raw.stack
  const user = raw.user && texts(raw.user, 'user', ['username', 'organisation', 'organisation_id', 'ip'], walk)
  for (const secret of walk.secrets) secrets.add(secret)
  const why = [...raw.coverage, ...unreadable.map((path) => `${path} could not be read`)]
  if (why.length > 0) {
    event.coverage = 'partial'
    event.coverage_reason = walk.take('coverage_reason', why.join('; ')) as string
  }
  if (masked.length > 0) event.masked = [...new Set(masked)]
  if (truncated.length > 0) event.truncated = truncated
  return { event, user, unreadable, secrets }
}

/** Properties whose names say that they are secret are masked as if the entity's decorator had named them. */
function changes(raw: RawChanges, walk: Walk, secrets: Set<string>): Changes {
  const secret = Object.keys(raw).filter((name) => kindOfKey(name) === 'secret' && tellsMore(raw[name]))
  const hidden = secret.length === 0 ? undefined : maskChanges(raw, secret)
  for (const text of hidden?.secrets ?? []) secrets.add(text)
  walk.masked.push(...(hidden?.masked ?? []))
  // Each change apart: the walk would take a secret property's name as a reason to mask the change itself.
  const entries = Object.entries(hidden?.changes ?? raw)
  return Object.fromEntries(
    entries.map(([name, change]) => [name.toWellFormed(), walk.take(`changes.${name}`, change) as Change]),
  )
}

/** Answers such as `hasPassword: true` are no secrets, whatever they are called. */
function tellsMore(change: object | undefined): boolean {
  return Object.values(change ?? {}).some(
    (value) => typeof value !== 'boolean' && value !== null && value !== undefined,
  )
}

/** Keys and type names stay as they are, or an event could no longer be told whose it is: only these texts are masked. */
function texts<T extends object>(holder: T, path: string, names: readonly (keyof T & string)[], walk: Walk): T {
  const copy = new Walk({ share: true }).take(path, holder) as T
  const result = copy === holder ? { ...holder } : copy
  for (const name of names) {
    const value = result[name]
    if (value !== undefined) result[name] = walk.take(`${path}.${name}`, value) as typeof value
  }
  return result
}

function unchanged(text: string): string {
  return text
}
