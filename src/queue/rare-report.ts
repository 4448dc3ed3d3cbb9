import { AuditError, type ErrorCode, type ErrorDetails } from '../../config/errors'
import type { Logger } from '../../config/logger'

/** What is wrong stays wrong for a while, and comes up with every event. */
const REPORT_MS = 30_000

export type Report = (level: 'warn' | 'error', code: ErrorCode, details: ErrorDetails) => void

/** Says each kind of trouble at most every half minute. Never throws: the application's logger may be broken. */
export function rareReport(logger: Logger): Report {
  const saidAt = new Map<ErrorCode, number>()
  return (level, code, details) => {
    const now = performance.now()
    if (now - (saidAt.get(code) ?? Number.NEGATIVE_INFINITY) < REPORT_MS) return
    saidAt.set(code, now)
    const error = new AuditError(code, details)
    try {
      logger[level]({ code, ...details }, error.message)
    } catch {
      process.emitWarning(error.message, 'AuditLoggerWarning')
    }
  }
}
