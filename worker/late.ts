import type { LateReason } from '../src/event/event'
import type { Entry } from './entry'
import { PUT_LIMITS } from './limits'
import { readEvent } from './read-event'
import { splitEvent } from './split-event'

/**
 * The entry as it is sent when CloudWatch does not take its own time any more: with the current time as timestamp, the
 * event's `date` as it was, and a mark that says why. Two entries or more when the mark makes it too large for one call.
 */
export function lateCopies(entry: Entry, reason: LateReason, nowMs: number): Entry[] {
  const mark = `,"late":{"reason":"${reason}"}}`
  // The brace that the mark replaces is one byte of both.
  const bytes = entry.bytes + mark.length - 1
  if (bytes <= PUT_LIMITS.bytes) return [marked(entry, reason, nowMs, mark, bytes)]
  const read = readEvent(entry.line)
  if (read.kind === 'poison') return [marked(entry, reason, nowMs, mark, bytes)]
  const { date, action, timestamp } = read
  const parts = splitEvent({ index: entry.index, id: entry.id, timestamp, date, action, line: entry.line })
  return parts.flatMap((part) => lateCopies(part, reason, nowMs))
}

function marked(entry: Entry, late: LateReason, timestamp: number, mark: string, bytes: number): Entry {
  const { index, id, key } = entry
  return {
    index,
    id,
    key,
    timestamp,
    bytes,
    late,
    get line() {
      const { line } = entry
      return line.slice(0, line.lastIndexOf('}')) + mark
    },
  }
}
