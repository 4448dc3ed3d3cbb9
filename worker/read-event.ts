import { EVENT_VERSION } from '../src/event/event'
import { type EventPart, partKey, partOf } from '../src/event/part'
import { isCompactJson } from './compact-json'

/** What the worker needs to know of an element of the pending list, or why it is no event. */
export type ReadEvent =
  | {
      readonly kind: 'event'
      readonly id: string
      readonly timestamp: number
      readonly date: string
      readonly action: string
      readonly part: EventPart | undefined
    }
  | { readonly kind: 'poison'; readonly reason: string }

/** Every part of a large event repeats its id. */
const LONGEST_ID = 1_024

/** How `openLine` begins a line: with all that the worker needs to know, each in its place. */
const START = `{"v":${EVENT_VERSION},"id":"`
const ID_END = START.length + 36
const DATE = '","date":"'
const DATE_END = ID_END + DATE.length + 24
const ACTION = '","action":"'
const ACTION_START = DATE_END + ACTION.length
const PLAIN_ID = /^[\da-f-]{36}$/
const ISO_DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/**
 * Reads one element of the pending list. Any producer may have put it there, so nothing of it is taken for granted: what
 * looks right at its beginning may be cut off behind it. One that begins as this package writes it is looked through to
 * its end; any other is parsed.
 */
export function readEvent(line: string): ReadEvent {
  return readOwn(line) ?? parseEvent(line)
}

function readOwn(line: string): ReadEvent | undefined {
  if (!line.startsWith(START) || !line.startsWith(DATE, ID_END) || !line.startsWith(ACTION, DATE_END)) return undefined
  const id = line.slice(START.length, ID_END)
  const date = line.slice(ID_END + DATE.length, DATE_END)
  const action = line.slice(ACTION_START, line.indexOf('"', ACTION_START))
  if (!PLAIN_ID.test(id) || !ISO_DATE.test(date) || action === '' || action.includes('\\')) return undefined
  const timestamp = Date.parse(date)
  // A part of a large event says so further on.
  if (!(timestamp >= 0) || line.includes('"part":') || !isCompactJson(line)) return undefined
  return { kind: 'event', id, timestamp, date, action, part: undefined }
}

function parseEvent(line: string): ReadEvent {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    return poison(`not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return poison('not a JSON object')
  const document = value as Record<string, unknown>
  const { v, id, date, action } = document
  if (v !== EVENT_VERSION) return poison(`version ${JSON.stringify(v)} is not ${EVENT_VERSION}`)
  if (typeof id !== 'string' || id === '') return poison('no id')
  if (id.length > LONGEST_ID) return poison(`an id of ${id.length} characters`)
  if (typeof action !== 'string' || action === '') return poison('no action')
  const timestamp = typeof date === 'string' ? Date.parse(date) : Number.NaN
  if (!(timestamp >= 0)) return poison('no usable date')
  return { kind: 'event', id, timestamp, date: date as string, action, part: partOf(document) }
}

/** What tells a document apart from all others of the stream. */
export function keyOf({ id, part }: { readonly id: string; readonly part: EventPart | undefined }): string {
  return part === undefined ? id : partKey(id, part)
}

function poison(reason: string): ReadEvent {
  // JSON.parse quotes what it met; a reason is a sentence, not a second copy of the event.
  return { kind: 'poison', reason: reason.slice(0, 200) }
}
