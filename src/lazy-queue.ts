import { AuditError } from '../config/errors'
import type { EventLine, EventQueue, QueueCounts, SettingsNote } from './queue/queue'
import { problemOf, type Reports } from './report'

/** Makes the queue, and with it the connection, when the first event comes: most commands of an application have none. */
export class LazyQueue implements EventQueue {
  readonly #make: () => EventQueue
  readonly #reports: Reports
  #queue: EventQueue | undefined
  #note: SettingsNote | undefined
  #closed = false

  constructor(make: () => EventQueue, reports: Reports) {
    this.#make = make
    this.#reports = reports
  }

  push(lines: readonly EventLine[]): void {
    if (this.#queue === undefined && this.#closed) {
      this.#reports.report('AUDIT_CLOSED', { count: lines.length })
      return
    }
    try {
      this.#made().push(lines)
    } catch (error) {
      this.#reports.report('AUDIT_DELIVERY_FAILED', { count: lines.length, problem: problemOf(error) })
    }
  }

  refusal(events?: number): AuditError | undefined {
    if (this.#queue !== undefined) return this.#queue.refusal?.(events)
    return this.#closed ? new AuditError('AUDIT_EVENT_REFUSED', { reason: 'the logger is closed' }) : undefined
  }

  /** Makes the queue: what dead processes left behind does not wait for an event of this one. */
  open(): void {
    if (this.#closed) return
    try {
      this.#made().open?.()
    } catch (error) {
      this.#reports.report('AUDIT_DELIVERY_FAILED', { count: 0, problem: problemOf(error) })
    }
  }

  noteSettings(note: SettingsNote): void {
    this.#note = note
    this.#queue?.noteSettings?.(note)
  }

  get counts(): QueueCounts | undefined {
    return this.#queue?.counts
  }

  async flush(): Promise<void> {
    await this.#queue?.flush()
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#queue?.close()
  }

  #made(): EventQueue {
    if (this.#queue !== undefined) return this.#queue
    this.#queue = this.#make()
    if (this.#note !== undefined) this.#queue.noteSettings?.(this.#note)
    return this.#queue
  }
}
