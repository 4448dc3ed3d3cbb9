import type { AuditError } from '../../config/errors'

/** A serialised event: one JSON line, immutable. */
export type EventLine = string

/**
 * What became of the events handed to a queue so far: `accepted = pushed + waiting + lost` at every moment. What was
 * dropped was never accepted.
 */
export interface QueueCounts {
  readonly accepted: number
  /** Taken by Redis. */
  readonly pushed: number
  /** In memory or in a file of this process. */
  readonly waiting: number
  /** Accepted and then lost: there was neither time nor a file at `close()`, or a spill file disappeared. */
  readonly lost: number
  /** Not accepted, because there was no room or the queue was closed. */
  readonly dropped: number
  /** Written to a spill file, whether it was pushed since or not. */
  readonly spilled: number
  /** Left behind by dead processes and pushed by this one. */
  readonly adopted: number
  /** Attempts to push that failed and were made again. */
  readonly retried: number
}

/** What capture knows of the queue: a place that takes lines at once and delivers them in its own time. */
export interface EventQueue {
  /** Takes the lines, in order. Returns at once and never throws. */
  push(lines: readonly EventLine[]): void
  /** Resolves when every line taken so far is on the pending list, or was dropped and counted. */
  flush(): Promise<void>
  /** Pushes what is buffered within a bound, then gives the connection back. Later lines are counted as dropped. */
  close(): Promise<void>
  /** Why `events` more lines could not all be accepted now; undefined when they could. A queue without it never refuses. */
  refusal?(events?: number): AuditError | undefined
  /** Begins with what dead processes left behind, without waiting for an event of this one. */
  open?(): void
  /** Tells of settings that differ from those seen last; see `SettingsNote`. */
  noteSettings?(note: SettingsNote): void
  readonly counts?: QueueCounts | undefined
}

/** The settings of this process, and how to tell that they are others than before. */
export interface SettingsNote {
  /** As JSON, without secrets. */
  readonly settings: string
  /** The event for the settings that were seen last. */
  readonly lineFor: (before: string) => EventLine
}
