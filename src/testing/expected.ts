import type { Action, AuditEvent } from '../event/event'

/** Anything that may be expected: values, parts of them, and matchers such as `expect.any(String)`. */
type Expectable = unknown

/** What is expected of an event: any of its fields in part, and the fields of its `instance` by their own names. */
export interface ExpectedEvent {
  /** Of `instance`. */
  model?: Expectable
  table?: Expectable
  pk?: Expectable
  name?: Expectable

  id?: Expectable
  date?: Expectable
  outcome?: Expectable
  reason?: Expectable
  user?: Expectable
  instance?: Expectable
  changes?: Expectable
  content?: Expectable
  request?: Expectable
  entry_point?: Expectable
  transaction?: Expectable
  trace_id?: Expectable
  span_id?: Expectable
  coverage?: Expectable
  coverage_reason?: Expectable
  masked?: Expectable
  truncated?: Expectable
  stack?: Expectable
}

export interface HowOften {
  /** Exactly this often; at least once unless given. */
  times?: number | undefined
}

const OF_INSTANCE = ['model', 'table', 'pk', 'name'] as const
const OF_EVENT = [
  ...['id', 'date', 'outcome', 'reason', 'user', 'instance', 'changes', 'content', 'request', 'entry_point'],
  ...['transaction', 'trace_id', 'span_id', 'coverage', 'coverage_reason', 'masked', 'truncated', 'stack'],
]

/** What the event must have in part. A name that no event has is refused: it could never match, nor `.not` ever fail. */
export function patternOf(action: Action, expected: ExpectedEvent): Record<string, unknown> {
  const pattern: Record<string, unknown> = { action }
  const instance: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(expected)) {
    if ((OF_INSTANCE as readonly string[]).includes(name)) instance[name] = value
    else if (OF_EVENT.includes(name)) pattern[name] = value
    else
      throw new TypeError(`toHaveRecorded: an event has no ${name}; it has ${[...OF_INSTANCE, ...OF_EVENT].join(', ')}`)
  }
  if (Object.keys(instance).length === 0) return pattern
  if (pattern.instance !== undefined) {
    throw new TypeError('toHaveRecorded: give either instance, or model, table, pk and name')
  }
  return { ...pattern, instance }
}

/** What can be asked: a `TestAuditLogger`, or a list of events however it was come by. */
export function eventsOf(received: unknown): readonly AuditEvent[] {
  const events: unknown = Array.isArray(received) ? received : (received as { events?: unknown } | null)?.events
  if (Array.isArray(events)) return events as AuditEvent[]
  throw new TypeError('toHaveRecorded: expect() takes a TestAuditLogger, or a list of events')
}
