import type { AuditLogger } from '../../audit-logger'

/** Of jobs, commands and cron functions. */
export interface JobContextOptions {
  /** Whose settings say who the actor is. The logger of the global functions unless given. */
  audit?: AuditLogger | undefined
}
