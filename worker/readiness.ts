import type { ListBooks } from './status'

export interface Readiness {
  readonly ready: boolean
  /** Why not; empty when ready. Counts, times and codes only: whoever may look at the port may read it. */
  readonly problems: readonly string[]
}

/**
 * Whether the worker does what it is there for: each list that has a backlog was flushed well within two intervals, by
 * this worker or another, or this one settles events of it right now (a flush of millions takes longer).
 */
export function readinessOf(
  lists: readonly ListBooks[],
  { intervalMs, progressMsAgo, now = Date.now() }: { intervalMs: number; progressMsAgo: number; now?: number },
): Readiness {
  const bound = 2 * intervalMs
  const problems = lists.flatMap(({ list, pending, lastOkAt, lastFlush }) => {
    if (pending === 0 || progressMsAgo <= bound) return []
    if (lastOkAt !== null && now - lastOkAt <= bound) return []
    const error = lastFlush?.error === undefined ? '' : `; the last one failed with ${lastFlush.error}`
    const last = lastOkAt === null ? 'never' : `last ${new Date(lastOkAt).toISOString()}`
    return [`${list}: ${pending} pending and no flush within two intervals (${last})${error}`]
  })
  return { ready: problems.length === 0, problems }
}
