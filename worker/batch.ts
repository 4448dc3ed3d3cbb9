import type { Elements } from '../src/queue/elements'
import type { Entry } from './entry'
import { PUT_LIMITS } from './limits'
import { ListEntry } from './list-entry'
import { keyOf, readEvent } from './read-event'
import { readOwn } from './read-own'
import { type LargeEvent, splitEvent } from './split-event'

export type { Entry } from './entry'

/** An element of the list that CloudWatch will never take. */
export interface Poison {
  readonly index: number
  readonly reason: string
}

/** The first `n` elements of what was peeked: fit for one PutLogEvents call, or one large event alone. */
export interface Batch {
  readonly n: number
  /** Sorted by time; ties in the order of the list, which is the order of capture. */
  readonly entries: readonly Entry[]
  readonly poison: readonly Poison[]
  /** The entries are the parts of one event that is larger than one call. */
  readonly large: boolean
}

const NOT_UTF8 = 'not UTF-8'

/**
 * Takes as many elements from the start as one call may carry. Always at least one, so that no element can block the
 * list; it takes none out of the middle, so that settling is trimming.
 */
export function cutBatch(elements: Elements): Batch {
  const entries: Entry[] = []
  const poison: Poison[] = []
  let bytes = 0
  let earliest = Number.POSITIVE_INFINITY
  let latest = Number.NEGATIVE_INFINITY
  let sorted = true
  let n = 0
  for (; n < elements.count && entries.length < PUT_LIMITS.events; n += 1) {
    const size = elements.size(n) + PUT_LIMITS.perEvent
    if (size > PUT_LIMITS.bytes) {
      const large = readLarge(elements, n)
      if ('reason' in large) poison.push(large)
      else if (entries.length > 0) break
      else return { n: n + 1, entries: splitEvent(large), poison, large: true }
      continue
    }
    const entry = readEntry(elements, n)
    if (!(entry instanceof ListEntry)) {
      poison.push(entry)
      continue
    }
    const { timestamp } = entry
    const first = Math.min(earliest, timestamp)
    const last = Math.max(latest, timestamp)
    if (bytes + size > PUT_LIMITS.bytes || last - first > PUT_LIMITS.spanMs) break
    if (timestamp < latest) sorted = false
    entries.push(entry)
    bytes += size
    earliest = first
    latest = last
  }
  // Array.prototype.sort is stable, so ties keep the order of the list.
  if (!sorted) entries.sort((a, b) => a.timestamp - b.timestamp)
  return { n, entries, poison, large: false }
}

function readEntry(elements: Elements, index: number): ListEntry | Poison {
  if (!elements.isUtf8(index)) return { index, reason: NOT_UTF8 }
  const own = readOwn(elements.place(index))
  if (own !== -1) return new ListEntry(elements, index, own)
  const read = readEvent(elements.text(index))
  if (read.kind === 'poison') return { index, reason: read.reason }
  return new ListEntry(elements, index, read.timestamp, { id: read.id, key: keyOf(read) })
}

function readLarge(elements: Elements, index: number): LargeEvent | Poison {
  if (!elements.isUtf8(index)) return { index, reason: NOT_UTF8 }
  const line = elements.text(index)
  const read = readEvent(line)
  return read.kind === 'poison' ? { index, reason: read.reason } : { ...read, index, line }
}
