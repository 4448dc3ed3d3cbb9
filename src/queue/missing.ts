import { closeLine, isoDate, newEventId, openLine } from '../event/serialise'
import type { EventLine } from './queue'

/** What had no room, until the stream is told. */
export class Missing {
  #count = 0
  #first = 0
  #last = 0

  get count(): number {
    return this.#count
  }

  add(count: number): void {
    this.#last = Date.now()
    if (this.#count === 0) this.#first = this.#last
    this.#count += count
  }

  /**
   * The event that says how many are missing, and between when; it begins to count anew. Undefined when none are.
   * Dated when the last was missed, so that it stands beside the gap.
   */
  takeLine(): EventLine | undefined {
    if (this.#count === 0) return undefined
    const [first, last] = [isoDate(this.#first), isoDate(this.#last)]
    const content = { count: this.#count, first, last }
    this.#count = 0
    const open = openLine({
      id: newEventId(),
      date: last,
      action: 'AUDIT_EVENTS_DROPPED',
      outcome: 'failure',
      reason: `${content.count} events were lost while Redis took none`,
      content,
      entry_point: 'system',
    })
    return closeLine(open, { type: 'system' })
  }
}
