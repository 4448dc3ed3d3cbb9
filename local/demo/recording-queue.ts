import type { EventLine, EventQueue } from '../../src/queue/queue'

/**
 * Notes every line that the application hands over, on its way to the real queue. What must be stored is thereby known
 * without asking Redis or CloudWatch, so that nothing either of them loses can be overlooked.
 */
export class RecordingQueue implements EventQueue {
  readonly accepted: EventLine[] = []
  readonly #queue: EventQueue

  constructor(queue: EventQueue) {
    this.#queue = queue
  }

  push(lines: readonly EventLine[]): void {
    this.accepted.push(...lines)
    this.#queue.push(lines)
  }

  flush(): Promise<void> {
    return this.#queue.flush()
  }

  close(): Promise<void> {
    return this.#queue.close()
  }
}
