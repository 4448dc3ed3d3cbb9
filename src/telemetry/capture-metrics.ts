import type { QueueCounts } from '../queue/queue'
import { type Meter, type Observable, type ObserveBatch, openMeter } from './meter'

const COUNTS = {
  accepted: 'Events accepted from the application',
  pushed: 'Accepted events that Redis has taken',
  lost: 'Accepted events that were lost at the end of the process, or with a spill file',
  dropped: 'Events that were not accepted, because there was no room or the logger was closed',
  spilled: 'Events written to a spill file',
  adopted: 'Events of dead processes that were pushed from their spill files',
  retried: 'Attempts to push that failed and were made again',
} as const satisfies Partial<Record<keyof QueueCounts, string>>
const NAMES = Object.keys(COUNTS) as (keyof typeof COUNTS)[]

interface Source {
  readonly prefix: string
  readonly counts: () => QueueCounts | undefined
}

/** The loggers of this process. Several may share a prefix, and OpenTelemetry takes one value for each set of labels. */
const live = new Set<Source>()
/** What closed loggers had counted: a counter must not fall. */
const ended = new Map<string, Record<string, number>>()
let stop: (() => void) | undefined

/** Shows what a logger's queue counts to OpenTelemetry, if that is installed. @returns to be called when it is closed */
export function observeCapture(prefix: string, counts: () => QueueCounts | undefined): () => void {
  const source: Source = { prefix, counts }
  live.add(source)
  stop ??= observeAll(openMeter())
  return () => {
    if (!live.delete(source)) return
    add(totalsOf(ended, prefix), counts())
    if (live.size > 0) return
    stop?.()
    stop = undefined
  }
}

function observeAll(meter: Meter | undefined): () => void {
  if (meter === undefined) return () => undefined
  const observables = new Map<string, Observable>(
    NAMES.map((name) => {
      const unit = name === 'retried' ? '{push}' : '{event}'
      return [name, meter.createObservableCounter(`audit_logger.capture.${name}`, { unit, description: COUNTS[name] })]
    }),
  )
  const waiting = meter.createObservableGauge('audit_logger.capture.waiting', {
    unit: '{event}',
    description: 'Accepted events in memory or in a spill file of this process',
  })
  const callback: ObserveBatch = async (result) => {
    const totals = new Map([...ended].map(([prefix, counts]) => [prefix, { ...counts }]))
    const now = new Map<string, number>()
    for (const { prefix, counts } of live) {
      const read = counts()
      add(totalsOf(totals, prefix), read)
      now.set(prefix, (now.get(prefix) ?? 0) + (read?.waiting ?? 0))
    }
    for (const [prefix, counts] of totals) {
      for (const [name, observable] of observables) result.observe(observable, counts[name] ?? 0, { prefix })
    }
    for (const [prefix, n] of now) result.observe(waiting, n, { prefix })
  }
  const all = [...observables.values(), waiting]
  meter.addBatchObservableCallback(callback, all)
  return () => meter.removeBatchObservableCallback(callback, all)
}

function totalsOf(totals: Map<string, Record<string, number>>, prefix: string): Record<string, number> {
  const known = totals.get(prefix) ?? {}
  totals.set(prefix, known)
  return known
}

function add(totals: Record<string, number>, counts: QueueCounts | undefined): void {
  for (const name of NAMES) totals[name] = (totals[name] ?? 0) + (counts?.[name] ?? 0)
}
