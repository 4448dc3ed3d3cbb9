import type { Entry } from './entry'
import { PUT_LIMITS } from './limits'
import { keyOf, readEvent } from './read-event'
import { splitEvent } from './split-event'

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

const NONE: ReadonlySet<number> = new Set()

/**
 * Takes as many elements from the start as one call may carry. Always at least one, so that no element can block the
 * list; it takes none out of the middle, so that settling is trimming.
 *
 * @param notUtf8 the elements whose bytes are no text: what was read of them is not what they are
 */
export function cutBatch(lines: readonly string[], notUtf8: ReadonlySet<number> = NONE): Batch {
  const entries: Entry[] = []
  const poison: Poison[] = []
  let bytes = 0
  let earliest = Number.POSITIVE_INFINITY
  let latest = Number.NEGATIVE_INFINITY
  let sorted = true
  let n = 0
  for (const line of lines) {
    if (entries.length === PUT_LIMITS.events) break
    const size = Buffer.byteLength(line) + PUT_LIMITS.perEvent
    const read = notUtf8.has(n) ? NOT_UTF8 : readEvent(line)
    if (read.kind === 'poison') {
      poison.push({ index: n, reason: read.reason })
    } else {
      const { id, timestamp } = read
      if (size > PUT_LIMITS.bytes) {
        if (entries.length > 0) break
        return { n: n + 1, entries: splitEvent({ ...read, index: n, line }), poison, large: true }
      }
      const first = Math.min(earliest, timestamp)
      const last = Math.max(latest, timestamp)
      if (bytes + size > PUT_LIMITS.bytes || last - first > PUT_LIMITS.spanMs) break
      if (timestamp < latest) sorted = false
      entries.push({ index: n, id, key: keyOf(read), timestamp, line, bytes: size })
      bytes += size
      earliest = first
      latest = last
    }
    n += 1
  }
  // Array.prototype.sort is stable, so ties keep the order of the list.
  if (!sorted) entries.sort((a, b) => a.timestamp - b.timestamp)
  return { n, entries, poison, large: false }
}

const NOT_UTF8 = { kind: 'poison', reason: 'not UTF-8' } as const
