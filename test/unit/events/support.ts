import { DataSource, type DataSourceOptions } from 'typeorm'
import type { AuditLoggerOptions } from '../../../config/settings'
import { AuditLogger } from '../../../src/audit-logger'
import type { AuditEvent } from '../../../src/event/event'
import { MemoryQueue, spyLogger } from '../fakes'

/** A logger whose events and warnings can be read. */
export function auditing<O extends AuditLoggerOptions>(options: O = {} as O) {
  const queue = new MemoryQueue()
  const logger = spyLogger()
  const audit = new AuditLogger({ logger, lifecycleEvents: false, ...options }, { queue, environment: {} })
  const last = (): AuditEvent | undefined => queue.events.at(-1)
  const codes = () => logger.warn.mock.calls.map(([fields]) => (fields as { code: string }).code)
  return { audit, queue, logger, last, codes }
}

export async function sqljs(entities: NonNullable<DataSourceOptions['entities']>, options: object = {}) {
  return new DataSource({ type: 'sqljs', synchronize: true, entities, ...options } as DataSourceOptions).initialize()
}
