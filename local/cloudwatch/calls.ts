import { EVENT_OVERHEAD_BYTES } from './limits'
import type { RejectedLogEventsInfo } from './rejections'

/** What a PutLogEvents call carried, whether it was accepted or not. */
export interface PutSummary {
  readonly group: string
  readonly stream: string
  readonly count: number
  /** As CloudWatch counts: UTF-8 bytes of every message and 26 for each event. */
  readonly bytes: number
  /** In the order of the call. */
  readonly timestamps: readonly number[]
}

/** One line of the log of calls. */
export interface Call {
  readonly operation: string
  /** When it arrived, on the endpoint's clock. */
  readonly at: number
  /** The request without its events. */
  readonly input: Readonly<Record<string, unknown>>
  readonly put?: PutSummary
  /** How many calls of the same operation, with this one, were under way when it arrived. */
  readonly inFlight: number
  readonly fault?: string
  /** It took effect: for PutLogEvents, the valid events were stored. */
  accepted: boolean
  /** `pending` until it is answered; a call that hangs stays so. */
  answer: number | 'pending' | 'reset'
  error?: string
  rejected?: RejectedLogEventsInfo
}

export function summarise(body: unknown): PutSummary {
  const { logGroupName, logStreamName, logEvents } = (body ?? {}) as Record<string, unknown>
  const events: readonly unknown[] = Array.isArray(logEvents) ? logEvents : []
  let bytes = 0
  const timestamps: number[] = []
  for (const event of events) {
    const { timestamp, message } = (event ?? {}) as Record<string, unknown>
    bytes += EVENT_OVERHEAD_BYTES + (typeof message === 'string' ? Buffer.byteLength(message) : 0)
    timestamps.push(Number(timestamp))
  }
  return { group: String(logGroupName), stream: String(logStreamName), count: events.length, bytes, timestamps }
}

export function withoutEvents(body: unknown): Readonly<Record<string, unknown>> {
  const { logEvents: _, ...rest } = (body ?? {}) as Record<string, unknown>
  return rest
}
