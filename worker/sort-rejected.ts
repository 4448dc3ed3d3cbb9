import type { LateReason } from '../src/event/event'
import type { Entry } from './entry'
import { PUT_LIMITS } from './limits'
import type { RejectedIndices } from './put-outcome'

/** Why an entry is not stored. */
export type Rejection = LateReason | 'too_new'

/** An entry and what is to be done with it if it is not in the stream; without `rejection` it is to be sent again. */
export interface Claim {
  readonly entry: Entry
  readonly rejection: Rejection | undefined
}

export interface SortedRejections {
  /** Rejected, and their own times say so too. */
  readonly rejected: readonly Claim[]
  /** CloudWatch's answer and the entry's own time contradict each other: whether it is stored is open. */
  readonly doubted: readonly Claim[]
}

/** How far the clocks may be apart. With more, AWS refuses signatures, and the SDK corrects its own clock. */
const SLACK_MS = 5 * 60 * 1000

/**
 * Applies the indices of an answer, and checks them against the times of the entries, which are sorted by them. A
 * mistake there, AWS's or ours, would otherwise take an event that is stored for rejected (a duplicate), or one that was
 * rejected for stored (a loss).
 */
export function sortRejected(entries: readonly Entry[], indices: RejectedIndices, nowMs: number): SortedRejections {
  const rejected: Claim[] = []
  const doubted: Claim[] = []
  const readable = makeSense(indices, entries.length)
  if (readable && isNothingRejected(entries, indices, nowMs)) return { rejected, doubted }
  entries.forEach((entry, i) => {
    const said = readable ? saidOf(i, indices) : undefined
    const own = ownVerdict(entry.timestamp, nowMs)
    if (!readable) doubted.push({ entry, rejection: own })
    else if (said === undefined) {
      if (own !== undefined) doubted.push({ entry, rejection: own })
    } else (isPossible(said, entry.timestamp, nowMs) ? rejected : doubted).push({ entry, rejection: said })
  })
  return { rejected, doubted }
}

/** Nor is there an entry that should have been: the times of the others lie between those of the first and the last. */
function isNothingRejected(entries: readonly Entry[], indices: RejectedIndices, nowMs: number): boolean {
  const { tooOldEnd, expiredEnd, tooNewStart } = indices
  if (tooOldEnd > 0 || expiredEnd > 0 || tooNewStart < entries.length) return false
  return [entries[0], entries.at(-1)].every((entry) => !entry || ownVerdict(entry.timestamp, nowMs) === undefined)
}

function makeSense({ tooOldEnd, expiredEnd, tooNewStart }: RejectedIndices, count: number): boolean {
  const inRange = [tooOldEnd, expiredEnd, tooNewStart].every((i) => Number.isInteger(i) && i >= 0 && i <= count)
  return inRange && Math.max(tooOldEnd, expiredEnd) <= tooNewStart
}

function saidOf(i: number, { tooOldEnd, expiredEnd, tooNewStart }: RejectedIndices): Rejection | undefined {
  if (i < tooOldEnd) return 'too_old'
  if (i < expiredEnd) return 'expired'
  return i >= tooNewStart ? 'too_new' : undefined
}

function isPossible(said: Rejection, timestamp: number, nowMs: number): boolean {
  if (said === 'too_new') return timestamp > nowMs + PUT_LIMITS.aheadMs - SLACK_MS
  const youngest = said === 'too_old' ? PUT_LIMITS.behindMs : PUT_LIMITS.shortestRetentionMs
  return timestamp < nowMs - youngest + SLACK_MS
}

/** What CloudWatch must say of a time so far off, whatever the retention of the group is. */
function ownVerdict(timestamp: number, nowMs: number): Rejection | undefined {
  if (timestamp < nowMs - PUT_LIMITS.behindMs - SLACK_MS) return 'too_old'
  return timestamp > nowMs + PUT_LIMITS.aheadMs + SLACK_MS ? 'too_new' : undefined
}
