import { AuditError } from '../config/errors'
import type { Logger } from '../config/logger'
import type { Destination } from './destination'
import type { Entry } from './entry'
import { PUT_LIMITS } from './limits'
import { pause } from './pause'
import { outcomeOfError } from './put-outcome'
import { Seen } from './seen'

/** How far the clock of a predecessor may have been off when it chose the timestamps of late events. */
const SLACK_MS = 60_000

/** Which of the suspects are in the stream, and what was seen of their events altogether. */
export interface Reconciled {
  readonly absent: readonly Entry[]
  readonly seen: Seen
}

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

  /**
   * Undefined when it could not be found out now.
   *
   * @param lateSince a predecessor may have stored some of them with the time of its call, from this time on
   */
  async reconcile(
    entries: readonly Entry[],
    lateSince: number | undefined,
    signal: AbortSignal,
  ): Promise<Reconciled | undefined> {
    const seen = new Seen(entries)
    const windows = [windowOf(entries)]
    if (lateSince !== undefined) windows.push([lateSince - SLACK_MS, this.#destination.now() + PUT_LIMITS.aheadMs])
    let absent: readonly Entry[] = entries
    let wasRead = false
    for (const waitMs of this.#waitsMs) {
      if (!(await pause(waitMs, signal))) return undefined
      try {
        for (const [first, last] of windows) {
          await this.#destination.read(Math.max(0, first), last, (messages) => {
            for (const message of messages) seen.add(message)
            absent = absent.filter((entry) => !seen.has(entry))
            return absent.length === 0 ? 'enough' : 'more'
          })
          if (absent.length === 0) return { absent, seen }
        }
        wasRead = true
      } catch (error) {
        const outcome = outcomeOfError(error)
        if (outcome.kind === 'denied') {
          this.#sayDenied(outcome.cause)
          return { absent, seen }
        }
        this.#logger.debug({ err: error }, 'the stream could not be read back')
        wasRead = false
      }
    }
    return wasRead ? { absent, seen } : undefined
  }

  /** Losing an event is worse than storing it twice: ids tell duplicates apart, nothing brings a lost one back. */
  #sayDenied(cause: string): void {
    if (this.#saidDenied) return
    this.#saidDenied = true
    const error = new AuditError('AUDIT_RECONCILE_DENIED', { cause })
    this.#logger.warn({ code: error.code }, error.message)
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
