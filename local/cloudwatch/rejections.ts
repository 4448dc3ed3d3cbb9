import type { InputEvent } from './limits'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
const MAX_AHEAD_MS = 2 * HOUR_MS
const MAX_AGE_MS = 14 * DAY_MS

/** AWS's names. Starts are inclusive, ends exclusive; 0 is an index like any other, absent means none. */
export interface RejectedLogEventsInfo {
  readonly tooNewLogEventStartIndex?: number
  readonly tooOldLogEventEndIndex?: number
  readonly expiredLogEventEndIndex?: number
}

export interface Sorted {
  /** The events to store: a contiguous part, because the batch is in chronological order. */
  readonly stored: readonly InputEvent[]
  /** The events within 14 days back and 2 hours ahead, expired or not. */
  readonly inWindow: readonly InputEvent[]
  readonly rejected: RejectedLogEventsInfo | undefined
}

/**
 * Sorts a batch in chronological order into what is stored and what is rejected. An event older than both 14 days and
 * the retention is reported as too old; `expiredLogEventEndIndex` is given only when it rejects more than that.
 */
export function sortOut(events: readonly InputEvent[], now: number, retentionDays: number | undefined): Sorted {
  const tooOldEnd = firstFrom(events, now - MAX_AGE_MS)
  const expiredEnd = retentionDays === undefined ? 0 : firstFrom(events, now - retentionDays * DAY_MS)
  const tooNewStart = firstFrom(events, now + MAX_AHEAD_MS + 1)
  const rejected: RejectedLogEventsInfo = {
    ...(tooNewStart < events.length && { tooNewLogEventStartIndex: tooNewStart }),
    ...(tooOldEnd > 0 && { tooOldLogEventEndIndex: tooOldEnd }),
    ...(expiredEnd > tooOldEnd && { expiredLogEventEndIndex: expiredEnd }),
  }
  return {
    stored: events.slice(Math.max(tooOldEnd, expiredEnd), tooNewStart),
    inWindow: events.slice(tooOldEnd, tooNewStart),
    rejected: Object.keys(rejected).length > 0 ? rejected : undefined,
  }
}

/** The index of the first event at or after the time; the length when there is none. */
function firstFrom(events: readonly InputEvent[], time: number): number {
  const index = events.findIndex((event) => event.timestamp >= time)
  return index < 0 ? events.length : index
}
