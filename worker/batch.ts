import { PUT_LIMITS } from './limits'
import { readEvent } from './read-event'

/** An event of a batch. `index` is its place in the list, counted from the batch's first element. */
export interface Entry {
  readonly index: number
  readonly id: string
  readonly timestamp: number
  readonly line: string
}

/** An element of the list that CloudWatch will never take. */
export interface Poison {
  readonly index: number
  readonly reason: string
}

/** The first `n` elements of what was peeked, fit for one PutLogEvents call. */
export interface Batch {
  readonly n: number
  /** Sorted by time; ties in the order of the list, which is the order of capture. */
  readonly entries: readonly Entry[]
  readonly poison: readonly Poison[]
}

/**
 * Takes as many elements from the start as one call may carry. Always at least one, so that no element can block the
 * list; it takes none out of the middle, so that settling is trimming.
 */
export function cutBatch(lines: readonly string[]): Batch {
  const entries: Entry[] = []
  const poison: Poison[] = []
  let bytes = 0
  let earliest = Number.POSITIVE_INFINITY
  let latest = Number.NEGATIVE_INFINITY
  let sorted = true
  let n = 0
  for (const line of lines) {
    const size = Buffer.byteLength(line) + PUT_LIMITS.perEvent
    const read = size > PUT_LIMITS.bytes ? tooLarge(size) : readEvent(line)
    if (read.kind === 'poison') {
      poison.push({ index: n, reason: read.reason })
    } else {
      const { id, timestamp } = read
      const first = Math.min(earliest, timestamp)
      const last = Math.max(latest, timestamp)
      if (entries.length === PUT_LIMITS.events) break
      if (bytes + size > PUT_LIMITS.bytes || last - first > PUT_LIMITS.spanMs) break
      if (timestamp < latest) sorted = false
      entries.push({ index: n, id, timestamp, line })
      bytes += size
      earliest = first
      latest = last
    }
    n += 1
  }
  // Array.prototype.sort is stable, so ties keep the order of the list.
  if (!sorted) entries.sort((a, b) => a.timestamp - b.timestamp)
  return { n, entries, poison }
}

function tooLarge(size: number) {
  const reason = `${size} bytes with overhead; CloudWatch takes ${PUT_LIMITS.bytes} at most`
  return { kind: 'poison', reason } as const
}
