import { AuditError } from '../config/errors'
import type { Logger } from '../config/logger'
import type { Entry } from './batch'
import type { Destination } from './destination'
import { pause } from './pause'
import { outcomeOfError } from './put-outcome'

/**
 * Finds out which events of unknown outcome are stored, by reading the stream back over their time window.
 * CloudWatch promises no time until a stored event can be read: it is looked for several times, with growing waits,
 * before it counts as absent.
 */
export class Reconciler {
  readonly #destination: Destination
  readonly #waitsMs: readonly number[]
  readonly #logger: Logger
  #saidDenied = false

  constructor(destination: Destination, waitsMs: readonly number[], logger: Logger) {
    this.#destination = destination
    this.#waitsMs = waitsMs
    this.#logger = logger
  }

  /** The entries that are not in the stream; undefined when that could not be found out now. */
  async absent(entries: readonly Entry[], signal: AbortSignal): Promise<readonly Entry[] | undefined> {
    const [first, last] = windowOf(entries)
    let absent: readonly Entry[] | undefined
    for (const waitMs of this.#waitsMs) {
      if (!(await pause(waitMs, signal))) return undefined
      try {
        const stored = await this.#destination.storedIds(first, last)
        absent = entries.filter(({ id }) => !stored.has(id))
        if (absent.length === 0) return absent
      } catch (error) {
        const outcome = outcomeOfError(error)
        if (outcome.kind === 'denied') return this.#withoutReading(entries, outcome.cause)
        this.#logger.debug({ err: error }, 'the stream could not be read back')
        absent = undefined
      }
    }
    return absent
  }

  /** Losing an event is worse than storing it twice: ids tell duplicates apart, nothing brings a lost one back. */
  #withoutReading(entries: readonly Entry[], cause: string): readonly Entry[] {
    if (!this.#saidDenied) {
      this.#saidDenied = true
      const error = new AuditError('AUDIT_RECONCILE_DENIED', { cause })
      this.#logger.warn({ code: error.code }, error.message)
    }
    return entries
  }
}

function windowOf(entries: readonly Entry[]): [first: number, last: number] {
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  for (const { timestamp } of entries) {
    first = Math.min(first, timestamp)
    last = Math.max(last, timestamp)
  }
  return [first, last]
}
