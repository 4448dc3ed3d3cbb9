import type { FlushSummary } from './flush'

/** What matters most of several flushes: a failure is not hidden by others that went well. */
const WORST_FIRST = ['failed', 'stopped', 'waiting', 'busy', 'ok'] as const satisfies FlushSummary['outcome'][]

/** The flushes of several lists as one. They ran side by side, so it took as long as the longest. */
export function sumOfFlushes(flushes: readonly FlushSummary[]): FlushSummary {
  const sum = (of: (flush: FlushSummary) => number) => flushes.reduce((total, flush) => total + of(flush), 0)
  const outcome = WORST_FIRST.find((worst) => flushes.some((flush) => flush.outcome === worst)) ?? 'ok'
  const worst = flushes.find((flush) => flush.outcome === outcome)
  return {
    outcome,
    stored: sum(({ stored }) => stored),
    batches: sum(({ batches }) => batches),
    dead: sum(({ dead }) => dead),
    deferred: sum(({ deferred }) => deferred),
    late: sum(({ late }) => late),
    ms: Math.max(0, ...flushes.map(({ ms }) => ms)),
    ...(worst?.error && { error: worst.error }),
    ...(worst?.retryInMs !== undefined && { retryInMs: worst.retryInMs }),
  }
}
