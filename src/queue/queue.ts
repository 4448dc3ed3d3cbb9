/** A serialised event: one JSON line, immutable. */
export type EventLine = string

/** What capture knows of the queue: a place that takes lines at once and delivers them in its own time. */
export interface EventQueue {
  /** Takes the lines, in order. Returns at once and never throws. */
  push(lines: readonly EventLine[]): void
  /** Resolves when every line taken so far is on the pending list, or was dropped and counted. */
  flush(): Promise<void>
  /** Pushes what is buffered within a bound, then gives the connection back. Later lines are counted as dropped. */
  close(): Promise<void>
}
