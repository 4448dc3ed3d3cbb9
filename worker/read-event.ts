import { EVENT_VERSION } from '../src/event/event'
import { type EventPart, partKey, partOf } from '../src/event/part'

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

/**
 * Reads one element of the pending list, or a message of the stream. Any producer may have put it there, so nothing of
 * it is taken for granted.
 */
export function readEvent(line: string): ReadEvent {
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
