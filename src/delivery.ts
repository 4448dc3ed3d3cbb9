import type { Settings } from '../config/settings'
import { type Captured, closed, LEFT_OUT, SoonCaptured } from './captured'
import type { Actor } from './event/event'
import { pushInSlices } from './push-in-slices'
import type { EventLine, EventQueue } from './queue/queue'
import type { CapturedEvent } from './recorder'
import { problemOf, type Reports } from './report'
import { doAtExit, SpareTime } from './spare-time'

/** Makes lines of captured events, when what is still asked for is known, and hands them to the queue. */
export class Delivery {
  readonly #queue: EventQueue
  readonly #settings: Settings
  readonly #reports: Reports
  readonly #waiting = new Set<Promise<void>>()
  readonly #spare = new SpareTime()
  #opened = false

  constructor(queue: EventQueue, settings: Settings, reports: Reports) {
    this.#queue = queue
    this.#settings = settings
    this.#reports = reports
  }

  deliver(events: readonly CapturedEvent[], transactionId?: string): void {
    const kept = events.includes(LEFT_OUT) ? events.filter((event) => event !== LEFT_OUT) : events
    if (kept.length === 0) return
    try {
      const delivery = kept as readonly Captured[]
      const asked = delivery.map(({ organisation }) =>
        typeof organisation === 'function' ? organisation() : organisation,
      )
      if (!asked.some((one) => one instanceof Promise)) this.#write(delivery, asked as Actor[], transactionId)
      else {
        const written = this.#writeWhenKnown(delivery, asked, transactionId)
        this.#wait(written.catch((error: unknown) => this.#lost(kept.length, error)))
      }
    } catch (error) {
      this.#lost(kept.length, error)
    }
  }

  /** Without the organisations that are still asked for when the process exits. */
  async #writeWhenKnown(
    events: readonly Captured[],
    asked: readonly (Actor | Promise<Actor>)[],
    transactionId: string | undefined,
  ): Promise<void> {
    this.#open()
    let left: readonly Captured[] = events
    const write = (organisations: readonly (Actor | undefined)[]) => {
      const now = left
      left = []
      this.#write(now, organisations, transactionId)
    }
    const undo = doAtExit(() => {
      this.#reports.report('AUDIT_ORGANISATION_UNAVAILABLE', { problem: 'the process ends' })
      write(asked.map((one) => (one instanceof Promise ? undefined : one)))
      this.#spare.finish()
    })
    try {
      write(await Promise.all(asked))
    } finally {
      undo()
    }
  }

  /** Pushes the lines: at once when they are there already, else in its turn. */
  #write(
    events: readonly Captured[],
    organisations: readonly (Actor | undefined)[],
    transactionId: string | undefined,
  ): void {
    const lines: EventLine[] = []
    let next = 0
    const write = (count: number): void => {
      for (const end = next + count; next < end; next += 1) {
        try {
          const built = (events[next] as Captured).build()
          if (built !== undefined) lines.push(closed(built, organisations[next], lines.length, transactionId))
        } catch (error) {
          this.#lost(1, error)
        }
      }
      if (next === events.length && lines.length > 0) this.#push(lines)
    }
    if (this.#spare.isIdle && !events.some((event) => event instanceof SoonCaptured)) {
      write(events.length)
      return
    }
    this.#open()
    this.#spare.add(events.length, write)
  }

  /** While the process exits it would be too late for a queue to be made. */
  #open(): void {
    if (!this.#opened) this.#queue.open?.()
    this.#opened = true
  }

  /** Resolves when no delivery waits for an organisation any more. */
  async settle(): Promise<void> {
    this.#spare.finish()
    while (this.#waiting.size > 0) {
      await Promise.all(this.#waiting)
      this.#spare.finish()
    }
  }

  #push(lines: readonly EventLine[]): void {
    try {
      const rest = pushInSlices(this.#queue, lines, this.#settings)
      if (rest !== undefined) this.#wait(rest.catch((error: unknown) => this.#lost(lines.length, error)))
    } catch (error) {
      this.#lost(lines.length, error)
    }
  }

  #wait(delivery: Promise<void>): void {
    const waiting = delivery.finally(() => this.#waiting.delete(waiting))
    this.#waiting.add(waiting)
  }

  #lost(count: number, error: unknown): void {
    this.#reports.report('AUDIT_DELIVERY_FAILED', { count, problem: problemOf(error) })
  }
}
