import { AwsError, invalidParameter, unreadable, violation } from './errors'

// This file repeats CloudWatch's rules on purpose instead of importing the worker's: a limit that is wrong in the
// worker must not be wrong in the same way here, or the tests would agree with the mistake.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html

export const MAX_BATCH_EVENTS = 10_000
export const MAX_BATCH_BYTES = 1_048_576
export const EVENT_OVERHEAD_BYTES = 26
export const MAX_SPAN_MS = 24 * 60 * 60 * 1000
export const MAX_PAGE_EVENTS = 10_000
export const MAX_PAGE_BYTES = 1_048_576
export const MAX_DESCRIBED = 50

const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
]
const MAX_NAME_LENGTH = 512

export interface InputEvent {
  readonly timestamp: number
  readonly message: string
}

/** What an event counts for: its UTF-8 bytes and the fixed overhead. */
export function eventBytes(event: InputEvent): number {
  return Buffer.byteLength(event.message) + EVENT_OVERHEAD_BYTES
}

export function checkGroupName(name: string, member = 'logGroupName'): void {
  checkName(name, member, /^[.\-_/#A-Za-z0-9]+$/, '[\\.\\-_/#A-Za-z0-9]+')
  if (name.startsWith('aws/')) throw invalidParameter('Log groups starting with AWS/ are reserved for AWS.')
}

export function checkStreamName(name: string, member = 'logStreamName'): void {
  checkName(name, member, /^[^:*]*$/, '[^:*]*')
}

function checkName(name: string, member: string, pattern: RegExp, shown: string): void {
  if (name.length < 1) throw violation(name, member, 'have length greater than or equal to 1')
  if (name.length > MAX_NAME_LENGTH)
    throw violation(name, member, `have length less than or equal to ${MAX_NAME_LENGTH}`)
  if (!pattern.test(name)) throw violation(name, member, `satisfy regular expression pattern: ${shown}`)
}

export function checkRetention(days: number): void {
  if (RETENTION_DAYS.includes(days)) return
  throw violation(days, 'retentionInDays', `satisfy enum value set: [${RETENTION_DAYS.join(', ')}]`)
}

/** The shape of `logEvents`: count, and each event's timestamp and message. */
export function readEvents(list: readonly unknown[] | undefined): InputEvent[] {
  if (list === undefined) throw violation(null, 'logEvents', 'not be null')
  if (list.length < 1) throw violation('[]', 'logEvents', 'have length greater than or equal to 1')
  if (list.length > MAX_BATCH_EVENTS) {
    throw violation(`[${list.length} events]`, 'logEvents', `have length less than or equal to ${MAX_BATCH_EVENTS}`)
  }
  return list.map((item, index) => readEvent(item, `logEvents.${index + 1}.member`))
}

function readEvent(item: unknown, member: string): InputEvent {
  if (typeof item !== 'object' || item === null) throw unreadable(`${member} is not an object.`)
  const { timestamp, message } = item as { timestamp?: unknown; message?: unknown }
  if (timestamp === undefined || timestamp === null) throw violation(null, `${member}.timestamp`, 'not be null')
  if (message === undefined || message === null) throw violation(null, `${member}.message`, 'not be null')
  if (!Number.isInteger(timestamp)) throw unreadable(`${member}.timestamp is not an integer.`)
  if (typeof message !== 'string') throw unreadable(`${member}.message is not a string.`)
  const time = timestamp as number
  if (time < 0) throw violation(time, `${member}.timestamp`, 'have value greater than or equal to 0')
  if (message.length < 1) throw violation(message, `${member}.message`, 'have length greater than or equal to 1')
  return { timestamp: time, message }
}

/** Returns the batch's bytes, or refuses it. */
export function checkBytes(events: readonly InputEvent[]): number {
  let total = 0
  for (const event of events) {
    const bytes = eventBytes(event)
    if (bytes > MAX_BATCH_BYTES) throw tooLarge('Log event', bytes)
    total += bytes
  }
  if (total > MAX_BATCH_BYTES) throw tooLarge('Upload', total)
  return total
}

function tooLarge(what: string, bytes: number): AwsError {
  return invalidParameter(`${what} too large: ${bytes} bytes exceeds limit of ${MAX_BATCH_BYTES}`)
}

export function checkOrder(events: readonly InputEvent[]): void {
  for (let index = 1; index < events.length; index++) {
    const [before, event] = [events[index - 1], events[index]]
    if (before && event && event.timestamp < before.timestamp) {
      throw invalidParameter('Log events in a single PutLogEvents request must be in chronological order.')
    }
  }
}

/** `events` in chronological order: those of the batch that count as valid. */
export function checkSpan(events: readonly InputEvent[]): void {
  const [first, last] = [events[0], events.at(-1)]
  if (first && last && last.timestamp - first.timestamp > MAX_SPAN_MS) {
    throw invalidParameter('The batch of log events in a single PutLogEvents request cannot span more than 24 hours.')
  }
}
