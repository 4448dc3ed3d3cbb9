import { AuditError } from '../config/errors'
import type { Logger } from '../config/logger'
import type { ListView } from './look'

/** Two intervals: one flush may be slow, and the one after it late. */
const INTERVALS = 2

/** Notices what nobody else would: that events wait and nothing is flushed, and that no round begins any more. */
export class Watchdog {
  readonly #boundMs: number
  readonly #logger: Logger
  readonly #clock: () => number
  readonly #bases = new Map<string, number>()
  #movedAt: number
  #round = Number.NaN
  #roundSince: number

  /** @param clock monotonic milliseconds */
  constructor(everyMs: number, logger: Logger, clock: () => number = () => performance.now()) {
    this.#boundMs = INTERVALS * everyMs
    this.#logger = logger
    this.#clock = clock
    this.#movedAt = clock()
    this.#roundSince = clock()
  }

  /** Warns when there was a backlog for two intervals and not one event left a list. */
  see(lists: readonly ListView[]): void {
    const now = this.#clock()
    const pending = lists.reduce((sum, list) => sum + list.pending, 0)
    const moved = lists.filter(({ keys, base }) => this.#bases.get(keys.tag) !== base)
    for (const { keys, base } of moved) this.#bases.set(keys.tag, base)
    if (pending === 0 || moved.length > 0) this.#movedAt = now
    if (now - this.#movedAt <= this.#boundMs) return
    this.#movedAt = now
    const minutes = Number((this.#boundMs / 60_000).toPrecision(3))
    const error = new AuditError('AUDIT_NOTHING_FLUSHED', { count: pending, minutes })
    this.#logger.warn({ code: error.code, pending, minutes }, error.message)
  }

  /** True when the current round is older than two intervals: the schedule does not work. */
  isLate(round: number): boolean {
    const now = this.#clock()
    if (round !== this.#round) {
      this.#round = round
      this.#roundSince = now
    }
    if (now - this.#roundSince <= this.#boundMs) return false
    this.#roundSince = now
    return true
  }
}
