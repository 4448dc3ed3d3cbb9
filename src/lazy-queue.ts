import type { EventLine, EventQueue } from './queue/queue'
import { problemOf, type Reports } from './report'

/** Makes the queue, and with it the connection, when the first event comes: most commands of an application have none. */
export class LazyQueue implements EventQueue {
  readonly #make: () => EventQueue
  readonly #reports: Reports
  #queue: EventQueue | undefined
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
      this.#queue ??= this.#make()
      this.#queue.push(lines)
    } catch (error) {
      this.#reports.report('AUDIT_DELIVERY_FAILED', { count: lines.length, problem: problemOf(error) })
    }
  }

  async flush(): Promise<void> {
    await this.#queue?.flush()
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#queue?.close()
  }
}
