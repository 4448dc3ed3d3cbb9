import type { Labels } from '../src/telemetry/meter'
import type { Counters } from './counters'
import { COUNTED, type Counted, type Instrument, OBSERVED, type Observed } from './instruments'
import type { ListBooks } from './status'

/**
 * All numbers in Prometheus' text format.
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function prometheusText(counters: Counters, lists: readonly ListBooks[]): string {
  const lines: string[] = []
  for (const [counted, instrument] of Object.entries(COUNTED) as [Counted, Instrument][]) {
    const name = prometheusName(instrument)
    lines.push(...header(name, instrument))
    const { bounds = [], kind } = instrument
    const series = counters.series(counted)
    // A counter that has not counted yet is a 0, or its rate could not be told from a worker that is gone.
    if (kind === 'counter' && series.length === 0) lines.push(`${name} 0`)
    for (const { labels, value, buckets, sum } of series) {
      if (kind === 'counter') {
        lines.push(`${name}${labelsText(labels)} ${value}`)
        continue
      }
      for (const [i, bound] of [...bounds, '+Inf'].entries()) {
        lines.push(`${name}_bucket${labelsText({ ...labels, le: String(bound) })} ${buckets[i] ?? 0}`)
      }
      lines.push(`${name}_sum${labelsText(labels)} ${sum}`, `${name}_count${labelsText(labels)} ${buckets.at(-1) ?? 0}`)
    }
  }
  for (const [observed, instrument] of Object.entries(OBSERVED) as [Observed, Instrument][]) {
    const name = prometheusName(instrument)
    lines.push(...header(name, instrument))
    for (const books of lists) lines.push(`${name}${labelsText({ list: books.list })} ${observe(observed, books)}`)
  }
  return `${lines.join('\n')}\n`
}

/** What one list's books say of one of the observed numbers. */
export function observe(observed: Observed, books: ListBooks): number {
  switch (observed) {
    case 'accepted':
      return books.stored + books.pending + books.deferred + books.dead + books.purged
    case 'pending':
      return books.pending
    case 'inFlight':
      return books.inFlight
    case 'deferredNow':
      return books.deferred
    case 'deadLetters':
      return books.dead
    case 'oldestAge':
      return (books.oldestAgeMs ?? 0) / 1_000
  }
}

/** As OpenTelemetry's own exporter would translate the name, so that a dashboard serves both. */
export function prometheusName({ name, kind, unit }: Instrument): string {
  const suffix = unit === 's' ? '_seconds' : unit === 'By' ? '_bytes' : ''
  return `${name.replaceAll('.', '_')}${suffix}${kind === 'counter' ? '_total' : ''}`
}

function header(name: string, { kind, description }: Instrument): string[] {
  return [`# HELP ${name} ${description}`, `# TYPE ${name} ${kind}`]
}

function labelsText(labels: Labels): string {
  const texts = Object.entries(labels).map(([name, value]) => {
    const escaped = value.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))
    return `${name}="${escaped}"`
  })
  return texts.length === 0 ? '' : `{${texts.join(',')}}`
}
