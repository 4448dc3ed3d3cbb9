import { createRequire } from 'node:module'
import { join } from 'node:path'

/** The parts of OpenTelemetry's metrics API that are used; structural, so that the package compiles without it. */
export interface Meter {
  createCounter(name: string, options: InstrumentOptions): { add(value: number, labels?: Labels): void }
  createHistogram(
    name: string,
    options: InstrumentOptions & { advice?: { explicitBucketBoundaries: number[] } },
  ): { record(value: number, labels?: Labels): void }
  createObservableCounter(name: string, options: InstrumentOptions): Observable
  createObservableGauge(name: string, options: InstrumentOptions): Observable
  addBatchObservableCallback(callback: ObserveBatch, observables: Observable[]): void
  removeBatchObservableCallback(callback: ObserveBatch, observables: Observable[]): void
}

export interface InstrumentOptions {
  readonly description: string
  readonly unit: string
}

export type Labels = Readonly<Record<string, string>>
export type Observable = object
export type ObserveBatch = (result: {
  observe(observable: Observable, value: number, labels?: Labels): void
}) => Promise<void>

const NAME = 'typeorm-audit-logger'

/**
 * The meter of the application's OpenTelemetry, or undefined where `@opentelemetry/api` is not installed. Without an SDK
 * behind it the API does nothing. Ask after the SDK was registered: the API hands out meters that stay silent before.
 */
export function openMeter(): Meter | undefined {
  try {
    // Not an import: an application without OpenTelemetry must not need it.
    const load = createRequire(join(__dirname, 'meter.js'))
    const { metrics } = load('@opentelemetry/api') as { metrics: { getMeter(name: string): Meter } }
    return metrics.getMeter(NAME)
  } catch {
    return undefined
  }
}
