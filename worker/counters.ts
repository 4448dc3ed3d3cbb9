import type { Labels, Meter } from '../src/telemetry/meter'
import { COUNTED, type Counted, type Instrument } from './instruments'
import type { WorkerMetrics } from './metrics'

/** One line of numbers of an instrument: those with the same labels. */
export interface Series {
  readonly labels: Labels
  /** Of a counter. */
  value: number
  /** Of a histogram: how many values were at most each bound; the last entry counts all. */
  readonly buckets: number[]
  sum: number
}

/**
 * Counts in this process, and passes on what it counts to OpenTelemetry. Both show the same numbers: the health
 * endpoint reads them here, whether or not OpenTelemetry is there.
 */
export class Counters implements WorkerMetrics {
  readonly #series = new Map<Counted, Map<string, Series>>()
  readonly #passOn = new Map<Counted, (value: number, labels: Labels) => void>()
  readonly #failed: (error: unknown) => void
  #progressAt = Number.NEGATIVE_INFINITY

  /** @param failed told of an instrument that throws; it is not used again */
  constructor(meter?: Meter, failed: (error: unknown) => void = () => undefined) {
    this.#failed = failed
    if (meter === undefined) return
    for (const [counted, instrument] of Object.entries(COUNTED) as [Counted, Instrument][]) {
      this.#passOn.set(counted, receiverOf(meter, instrument))
    }
  }

  /** How long ago this process last settled events or ended a flush well. */
  get progressMsAgo(): number {
    return performance.now() - this.#progressAt
  }

  series(counted: Counted): readonly Series[] {
    return [...(this.#series.get(counted)?.values() ?? [])]
  }

  stored(events: number): void {
    if (events > 0) this.#progressAt = performance.now()
    this.#count('stored', events)
  }

  duplicatesAvoided(events: number): void {
    this.#count('duplicatesAvoided', events)
  }

  dead(reason: string, events: number): void {
    this.#count('dead', events, { reason })
  }

  deferred(events: number): void {
    this.#count('deferred', events)
  }

  retried(cause: string): void {
    this.#count('retried', 1, { cause })
  }

  batch({ events, bytes, ms }: { readonly events: number; readonly bytes: number; readonly ms: number }): void {
    this.#count('batchEvents', events)
    this.#count('batchBytes', bytes)
    this.#count('putDuration', ms / 1_000)
  }

  flushed(outcome: string, _ms: number): void {
    if (outcome === 'ok') this.#progressAt = performance.now()
    this.#count('flushes', 1, { outcome })
  }

  #count(counted: Counted, value: number, labels: Labels = {}): void {
    const { kind, bounds = [] }: Instrument = COUNTED[counted]
    if (kind === 'counter' && !(value > 0)) return
    const all = this.#series.get(counted) ?? new Map<string, Series>()
    this.#series.set(counted, all)
    const key = JSON.stringify(labels)
    const series = all.get(key) ?? { labels, value: 0, sum: 0, buckets: Array(bounds.length + 1).fill(0) as number[] }
    all.set(key, series)
    series.value += value
    series.sum += value
    for (const [i, bound] of [...bounds, Number.POSITIVE_INFINITY].entries()) {
      if (value <= bound) series.buckets[i] = (series.buckets[i] ?? 0) + 1
    }
    try {
      this.#passOn.get(counted)?.(value, labels)
    } catch (error) {
      // An exporter of the application's that fails is not the events' concern: a metric must never cost one.
      this.#passOn.delete(counted)
      this.#failed(error)
    }
  }
}

function receiverOf(meter: Meter, { name, kind, unit, description, bounds }: Instrument) {
  if (kind === 'histogram') {
    const advice = { explicitBucketBoundaries: [...(bounds ?? [])] }
    const histogram = meter.createHistogram(name, { unit, description, advice })
    return (value: number, labels: Labels) => histogram.record(value, labels)
  }
  const counter = meter.createCounter(name, { unit, description })
  return (value: number, labels: Labels) => counter.add(value, labels)
}
