import { v7 } from 'uuid'
import type { EventLine } from '../queue/queue'
import { type Actor, type AuditEvent, EVENT_VERSION } from './event'

/** What an event tells of itself. `v` is added here. */
export type OpenEvent = Omit<
  AuditEvent,
  'v' | 'user' | 'transaction' | 'masked' | 'request' | 'trace_id' | 'span_id' | 'stack' | 'late' | 'part'
>

/** The texts of what several events may have in common (`Surroundings`), each field with the comma before it. */
interface ReadyFields {
  /** Those that stand behind `changes`. */
  readonly middle: string
  /** Those that stand behind `truncated`. */
  readonly end: string
}

/** A line that still lacks its user, its place in the transaction, the paths of what is masked, and the closing brace. */
export type OpenLine = string

/** UUIDv7: within a process each is greater than the one before, so ids sort in the order of capture. */
export function newEventId(): string {
  return v7()
}

/**
 * The fields in the order of DESIGN.md; v, id, date and action come first, which the worker's fast path relies on. `id`
 * and `date` must be ones made here and by `isoDate`: they are written without escaping. Field by field and not in a
 * loop, which costs several times as much.
 */
export function openLine(event: OpenEvent, ready?: ReadyFields): OpenLine {
  let line = `{"v":${EVENT_VERSION},"id":"${event.id}","date":"${event.date}","action":${quoted(event.action)}`
  if (event.outcome !== undefined) line += `,"outcome":${quoted(event.outcome)}`
  if (event.reason !== undefined) line += `,"reason":${JSON.stringify(event.reason)}`
  if (event.instance !== undefined) line += `,"instance":${JSON.stringify(event.instance)}`
  if (event.changes !== undefined) line += `,"changes":${JSON.stringify(event.changes)}`
  if (ready !== undefined) line += ready.middle
  if (event.content !== undefined) line += `,"content":${JSON.stringify(event.content)}`
  if (event.entry_point !== undefined) line += `,"entry_point":${quoted(event.entry_point)}`
  if (event.coverage !== undefined) line += `,"coverage":${quoted(event.coverage)}`
  if (event.coverage_reason !== undefined) line += `,"coverage_reason":${JSON.stringify(event.coverage_reason)}`
  if (event.truncated !== undefined) line += `,"truncated":${JSON.stringify(event.truncated)}`
  return ready === undefined ? line : line + ready.end
}

export function closeLine(
  line: OpenLine,
  user?: Actor,
  transaction?: { id: string; n: number },
  masked: readonly string[] = [],
): EventLine {
  let closed = line
  if (user !== undefined) closed += `,"user":${JSON.stringify(user)}`
  if (transaction !== undefined) {
    closed += `,"transaction":{"id":${JSON.stringify(transaction.id)},"n":${transaction.n}}`
  }
  if (masked.length > 0) closed += `,"masked":${JSON.stringify([...new Set(masked)])}`
  return `${closed}}`
}

let lastMs = Number.NaN
let lastIso = ''

/** ISO 8601 with milliseconds, UTC. Events of one millisecond share the text: making it costs as much as the id. */
export function isoDate(ms: number): string {
  if (ms !== lastMs) {
    lastIso = new Date(ms).toISOString()
    lastMs = ms
  }
  return lastIso
}

const quotedWords = new Map<string, string>()

/** JSON of a word that comes again and again. Bounded, because actions are the caller's own. */
export function quoted(word: string): string {
  const known = quotedWords.get(word)
  if (known !== undefined) return known
  if (quotedWords.size >= 1_000) quotedWords.clear()
  const json = JSON.stringify(word)
  quotedWords.set(word, json)
  return json
}
