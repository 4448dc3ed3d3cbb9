import type { LateReason } from '../src/event/event'
import type { Place } from '../src/queue/elements'

/** A message for the log stream: a whole event of a batch, or one part of a large event. */
export interface Entry {
  /** The place of its event in the list, counted from the batch's first element. */
  readonly index: number
  readonly id: string
  /** What tells it apart in the stream: the id, and the number if it is a part. */
  readonly key: string
  /** CloudWatch's timestamp. */
  readonly timestamp: number
  readonly line: string
  /** The line as it was read, if it is known to be UTF-8 without control characters. */
  readonly plain?: Place | undefined
  /** What CloudWatch counts: UTF-8 bytes of the line and the overhead. */
  readonly bytes: number
  /** Set on the copy that is sent with the current time, because CloudWatch does not take the event's own any more. */
  readonly late?: LateReason
}
