import { EVENT_VERSION } from '../src/event/event'

/** What the worker needs to know of an element of the pending list, or why it is no event. */
export type ReadEvent =
  | { readonly kind: 'event'; readonly id: string; readonly timestamp: number }
  | { readonly kind: 'poison'; readonly reason: string }

/** How `openLine` begins a line: the worker then knows all it needs, and parsing the rest would cost it half its time. */
const OWN_START = new RegExp(
  `^\\{"v":${EVENT_VERSION},"id":"([\\da-f]{8}(?:-[\\da-f]{4}){3}-[\\da-f]{12})","date":"(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z)","action":"[^"\\\\]`,
)

/**
 * Reads one element of the pending list. Any producer may have put it there, so nothing of it is taken for granted: one
 * that does not begin exactly as this package writes it, or does not end as an object does, is parsed.
 */
export function readEvent(line: string): ReadEvent {
  const own = line.endsWith('}') ? OWN_START.exec(line) : null
  const timestamp = own === null ? Number.NaN : Date.parse(own[2] as string)
  if (own !== null && timestamp >= 0) return { kind: 'event', id: own[1] as string, timestamp }
  return parseEvent(line)
}

function parseEvent(line: string): ReadEvent {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    return poison(`not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return poison('not a JSON object')
  const { v, id, date, action } = value as Record<string, unknown>
  if (v !== EVENT_VERSION) return poison(`version ${JSON.stringify(v)} is not ${EVENT_VERSION}`)
  if (typeof id !== 'string' || id === '') return poison('no id')
  if (typeof action !== 'string' || action === '') return poison('no action')
  const timestamp = typeof date === 'string' ? Date.parse(date) : Number.NaN
  if (!(timestamp >= 0)) return poison('no usable date')
  return { kind: 'event', id, timestamp }
}

function poison(reason: string): ReadEvent {
  // JSON.parse quotes what it met; a reason is a sentence, not a second copy of the event.
  return { kind: 'poison', reason: reason.slice(0, 200) }
}
