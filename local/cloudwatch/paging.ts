import { invalidParameter } from './errors'
import { eventBytes, MAX_PAGE_BYTES } from './limits'
import type { StoredEvent } from './store'

/** A place between two events, and how many empty pages were already given there. */
export interface Place {
  readonly direction: 'forward' | 'backward'
  /** Forward: the next event is at or after (timestamp, sequence). Backward: the next event is before it. */
  readonly timestamp: number
  readonly sequence: number
  readonly empties: number
}

export interface Page {
  /** In ascending order in both directions. */
  readonly events: readonly StoredEvent[]
  readonly next: Place
  /** Nothing lies beyond this page. */
  readonly end: boolean
}

const DIGITS = 17

/** Tokens look like AWS's (`f/…/s`): opaque, never null. */
export function writeToken(place: Place): string {
  const [timestamp, sequence] = [place.timestamp, place.sequence].map((part) => String(part).padStart(DIGITS, '0'))
  const empties = String(place.empties).padStart(4, '0')
  return `${place.direction === 'forward' ? 'f' : 'b'}/${timestamp}${sequence}${empties}/s`
}

export function readToken(token: string): Place {
  const parts = /^([fb])\/(\d{17})(\d{17})(\d{4})\/s$/.exec(token)
  if (!parts) throw invalidParameter('The specified nextToken is invalid.')
  return {
    direction: parts[1] === 'f' ? 'forward' : 'backward',
    timestamp: Number(parts[2]),
    sequence: Number(parts[3]),
    empties: Number(parts[4]),
  }
}

export const atHead = (timestamp = 0): Place => ({ direction: 'forward', timestamp, sequence: 0, empties: 0 })
export const atTail = (timestamp = Number.MAX_SAFE_INTEGER): Place => ({
  direction: 'backward',
  timestamp,
  sequence: 0,
  empties: 0,
})

/**
 * The page at a place. `events` in ascending order. Before every page that holds something come `emptyPages` empty ones,
 * each with a new token: at AWS too an empty page is not the end, and a reader that stops there loses events.
 */
export function pageAt(events: readonly StoredEvent[], place: Place, limit: number, emptyPages: number): Page {
  const border = firstAtOrAfter(events, place)
  const left = place.direction === 'forward' ? events.length - border : border
  if (place.empties < emptyPages) {
    return { events: [], next: { ...place, empties: place.empties + 1 }, end: false }
  }
  if (left === 0) return { events: [], next: place, end: true }
  const page =
    place.direction === 'forward'
      ? takeForward(events, border, limit)
      : takeForward(events.slice(0, border).reverse(), 0, limit).reverse()
  return { events: page, next: placeBeyond(page, place), end: page.length === left }
}

function takeForward(events: readonly StoredEvent[], from: number, limit: number): StoredEvent[] {
  const page: StoredEvent[] = []
  let bytes = 0
  for (let index = from; index < events.length && page.length < limit; index++) {
    const event = events[index] as StoredEvent
    bytes += eventBytes(event)
    if (bytes > MAX_PAGE_BYTES && page.length > 0) break
    page.push(event)
  }
  return page
}

function placeBeyond(page: readonly StoredEvent[], { direction }: Place): Place {
  const edge = (direction === 'forward' ? page.at(-1) : page[0]) as StoredEvent
  const sequence = direction === 'forward' ? edge.sequence + 1 : edge.sequence
  return { direction, timestamp: edge.timestamp, sequence, empties: 0 }
}

function firstAtOrAfter(events: readonly StoredEvent[], place: Place): number {
  let [low, high] = [0, events.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const event = events[middle] as StoredEvent
    const before =
      event.timestamp < place.timestamp || (event.timestamp === place.timestamp && event.sequence < place.sequence)
    if (before) low = middle + 1
    else high = middle
  }
  return low
}
