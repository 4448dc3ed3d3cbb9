/** Reading a log stream: `import { readEvents } from 'typeorm-audit-logger/reader'`. */

export { AuditError } from '../../config/errors'
export type { AuditEvent, LateReason } from '../event/event'
export { EventReader, type MissingParts, readEvents, type StreamEvent } from './event-reader'
