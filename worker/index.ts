/** The flush worker: `import { startWorker } from 'typeorm-audit-logger/worker'`. */

export { AuditError } from '../config/errors'
export type { AuditLoggerOptions, WorkerSettings } from '../config/settings'
export { AuditSettingsError } from '../config/settings-error'
export type { FlushSummary } from './flush'
export { type AuditWorker, startWorker } from './worker'
