/** A number that the worker shows, under one name for OpenTelemetry and the same, translated, for Prometheus. */
export interface Instrument {
  readonly name: string
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly unit: '{event}' | '{letter}' | '{call}' | '{flush}' | 's' | 'By'
  readonly description: string
  /** Upper bounds of a histogram. */
  readonly bounds?: readonly number[]
}

const EVENTS = [1, 10, 100, 500, 1_000, 2_000, 4_000, 6_000, 8_000, 10_000]
const BYTES = [1_024, 10_240, 102_400, 262_144, 524_288, 786_432, 917_504, 1_048_576]
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** What this process counted since it started: the sum over all workers is what all of them did. */
export const COUNTED = {
  stored: counter('events.stored', '{event}', 'Events that this worker settled as stored in CloudWatch'),
  duplicatesAvoided: counter(
    'duplicates.avoided',
    '{event}',
    'Events of unknown outcome that were found stored when the stream was read back, and not sent again',
  ),
  dead: counter('events.dead', '{event}', 'Events that this worker moved to the dead letters, by reason'),
  deferred: counter('events.deferred', '{event}', 'Events that this worker deferred because they were too new'),
  retried: counter('retries', '{call}', 'Calls that had to be made again, by cause'),
  flushes: counter('flushes', '{flush}', 'Flushes that ended, by outcome'),
  batchEvents: histogram('batch.events', '{event}', 'Events in one PutLogEvents call', EVENTS),
  batchBytes: histogram('batch.size', 'By', 'Bytes of one PutLogEvents call as CloudWatch counts them', BYTES),
  putDuration: histogram('put.duration', 's', 'Time until PutLogEvents was answered or failed', SECONDS),
} as const satisfies Record<string, Instrument>

/** What Redis holds, for each pending list: every worker shows the same, so take the maximum over workers, not the sum. */
export const OBSERVED = {
  accepted: counter(
    'events.accepted',
    '{event}',
    'Events ever accepted: stored, dead, deferred, pending or purged since the list began',
  ),
  pending: gauge('pending', '{event}', 'Events on the pending list, those in flight included'),
  inFlight: gauge('in_flight', '{event}', 'Pending events that are marked as sent'),
  deferredNow: gauge('deferred', '{event}', 'Events that wait until CloudWatch takes them'),
  deadLetters: gauge('dead_letters', '{letter}', 'Dead letters kept'),
  oldestAge: gauge('oldest_event.age', 's', 'Age of the oldest pending event; 0 when nothing is pending'),
} as const satisfies Record<string, Instrument>

export type Counted = keyof typeof COUNTED
export type Observed = keyof typeof OBSERVED

function counter(name: string, unit: Instrument['unit'], description: string): Instrument {
  return { name: `audit_logger.${name}`, kind: 'counter', unit, description }
}

function gauge(name: string, unit: Instrument['unit'], description: string): Instrument {
  return { name: `audit_logger.${name}`, kind: 'gauge', unit, description }
}

function histogram(name: string, unit: Instrument['unit'], description: string, bounds: readonly number[]): Instrument {
  return { name: `audit_logger.${name}`, kind: 'histogram', unit, description, bounds }
}
