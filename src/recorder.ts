import type { AuditError } from '../config/errors'
import type { Organisation } from './context/organisation'
import type { Action, Actor, Instance, Outcome } from './event/event'
import type { RawChanges } from './event/mask'
import type { Surroundings } from './event/surroundings'

/**
 * What a capture path knows of one thing that happened; the recorder adds id, date, actor, request, entry point and
 * stack. Values may be raw (dates, buffers, circular …): they are read at once and never kept.
 */
export interface Observation {
  action: Action
  date?: Date | undefined
  outcome?: Outcome | undefined
  reason?: string | undefined
  /** The application's user object. Overrides the context's; `null` says that there is none. */
  user?: unknown
  /** Ready-made fields of the actor (failed logins), merged over what is known of the user. */
  actor?: Actor | undefined
  /** The application's user object. Overrides the context's impersonator; `null` says that there is none. */
  impersonator?: unknown
  instance?: Instance | undefined
  changes?: RawChanges | undefined
  content?: Record<string, unknown> | undefined
  /** Makes the event's coverage partial, and says why. */
  coverageReason?: string | undefined
  /** Paths that the caller has masked. */
  masked?: readonly string[] | undefined
  /** The raw values that the caller has masked (`maskChanges` gives them): they are replaced in every other field. */
  secrets?: readonly string[] | undefined
}

/** An event that is complete but for the organisation, if it must be loaded, and its place in the transaction. */
export interface CapturedEvent {
  readonly id: string
}

/** All that events tell of the moment at which they are captured, taken once for those of one statement. */
export interface Moment {
  readonly around: Surroundings
  readonly organisation: Organisation
}

/** Reads what was given for an event that was captured at `date`. */
export type Observe<T> = (given: T, date: Date) => Observation | undefined

export interface Recorder {
  /** Synchronous; never throws: what cannot be recorded is left out, and the event says so. */
  capture(observation: Observation): CapturedEvent
  /**
   * For the events of changes. Undefined when they must be captured at once, because more than their values depends on
   * when it is done.
   */
  moment(): Moment | undefined
  /**
   * Captures changes of this moment, of values that nobody else holds: what is given for each is read, and its line
   * written, after it was delivered, when the process has time, and at the latest when it exits. Never throws.
   *
   * @param observe undefined when there turns out to be nothing to tell; must not throw, and must not give content
   * @returns captures one; with `now` it is read at once
   */
  captureSoon<T>(moment: Moment, observe: Observe<T>): (given: T, now: boolean) => CapturedEvent
  /**
   * Pushes the events in one call, numbered from 1 within the transaction if there is one. Never throws, never waits.
   * Call it after the outermost COMMIT took effect: organisations are loaded from here on.
   */
  deliver(events: readonly CapturedEvent[], transactionId?: string): void
  /** Resolves when all that was delivered so far is on the pending list, or was dropped and counted. */
  flush(): Promise<void>
  /** Why `events` more events could not all be accepted now, one unless given; undefined when they could. */
  refusal(events?: number): AuditError | undefined
}
