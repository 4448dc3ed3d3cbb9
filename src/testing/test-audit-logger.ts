import type { EventSchemas } from '../../config/catalogue'
import { AuditLogger, type OptionsWith } from '../audit-logger'
import type { AuditEvent } from '../event/event'
import type { AnyEvents } from '../events/types'
import { finishSpareTime } from '../spare-time'
import { MemoryQueue } from './memory-queue'

/**
 * An `AuditLogger` that keeps its events in memory: for an application's own tests. It needs no Redis, reads nothing from
 * the environment, and tells nothing of its own start and stop unless `lifecycleEvents` is set.
 *
 * @example
 * const audit = new TestAuditLogger({ models: 'all' }).attach(dataSource)
 * await invoices.pay(7)
 * expect(audit).toHaveRecorded('OBJ_UPDATE', { model: 'Invoice', pk: '7', changes: { status: { to: 'paid' } } })
 */
export class TestAuditLogger<Events extends EventSchemas = AnyEvents> extends AuditLogger<Events> {
  readonly #queue: MemoryQueue

  /** @throws AuditSettingsError naming every setting that is wrong */
  constructor(options: OptionsWith<Events> = {}) {
    const queue = new MemoryQueue()
    super({ ...options, lifecycleEvents: options.lifecycleEvents ?? false }, { queue, environment: {} })
    this.#queue = queue
  }

  /**
   * What was recorded, oldest first: each as the log stream would have it, masked values included. Changes are there
   * once they are committed; if organisations are loaded, `await audit.flush()` first.
   */
  get events(): readonly AuditEvent[] {
    finishSpareTime()
    return this.#queue.events
  }

  /** Forgets what was recorded so far. */
  clear(): void {
    finishSpareTime()
    this.#queue.clear()
  }
}
