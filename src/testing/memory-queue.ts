import type { AuditEvent } from '../event/event'
import type { EventLine, EventQueue, QueueCounts } from '../queue/queue'

/** Keeps the events in memory, as they would stand in the log stream. */
export class MemoryQueue implements EventQueue {
  #events: AuditEvent[] = []
  #accepted = 0
  #dropped = 0
  #closed = false

  get events(): readonly AuditEvent[] {
    return this.#events
  }

  get counts(): QueueCounts {
    const accepted = this.#accepted
    return {
      accepted,
      pushed: accepted,
      waiting: 0,
      lost: 0,
      dropped: this.#dropped,
      spilled: 0,
      adopted: 0,
      retried: 0,
    }
  }

  push(lines: readonly EventLine[]): void {
    if (this.#closed) {
      this.#dropped += lines.length
      return
    }
    this.#accepted += lines.length
    for (const line of lines) this.#events.push(JSON.parse(line) as AuditEvent)
  }

  clear(): void {
    this.#events = []
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {
    this.#closed = true
  }
}
