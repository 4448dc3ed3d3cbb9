import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { cpuRatio, type Rates, ratio, type Spread, spread } from './rounds'

/** A line of the table. */
export interface Row {
  readonly name: string
  /** In the unit of the report. */
  readonly value: number
  /** To the row that the others are measured against. */
  readonly ratio?: Spread
  /** CPU time of the measuring process for one event or save, in microseconds, and its ratio, in the same direction. */
  readonly cpu?: { readonly micros: number; readonly ratio: Spread }
  /** What the ratio should be, for example `≥ 0.7`. */
  readonly aim?: string
}

export interface Report {
  readonly bench: string
  readonly what: string
  readonly unit: string
  /** What the ratios are to. */
  readonly against: string
  readonly rows: readonly Row[]
  readonly quick: boolean
}

/** The row of a contender. */
export function rowOf(rates: Rates, floor: Rates, aim?: string): Row {
  return {
    name: rates.name,
    value: spread(rates.perSecond).median,
    ratio: ratio(rates, floor),
    cpu: { micros: spread(rates.cpuMicros).median, ratio: cpuRatio(rates, floor) },
    ...(aim !== undefined && { aim }),
  }
}

const PACKAGES = ['typeorm', 'ioredis', 'bullmq', '@aws-sdk/client-cloudwatch-logs']

/** Prints the table in Markdown, so that docs/performance.md is a paste, or one JSON object. */
export function print(report: Report, json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...report, machine: machine() })}\n`)
    return
  }
  const withCpu = report.rows.some(({ cpu }) => cpu !== undefined)
  const header = [
    '',
    report.unit,
    `ratio to ${report.against}`,
    'aim',
    ...(withCpu ? ['CPU µs each', 'CPU ratio'] : []),
  ]
  const body = report.rows.map((row) => [
    row.name,
    amount(row.value),
    ...ratioCells(row),
    ...(withCpu ? cpuCells(row) : []),
  ])
  const quick = report.quick ? ' (quick: the figures mean nothing)' : ''
  const lines = [`### ${report.bench}${quick}`, report.what, '', ...table([header, ...body]), '', machine(), '', '']
  process.stdout.write(lines.join('\n'))
}

function ratioCells({ ratio, aim = '' }: Row): string[] {
  return [ratio ? span(ratio) : '', aim]
}

function cpuCells({ cpu }: Row): string[] {
  return cpu ? [cpu.micros.toFixed(1), span(cpu.ratio)] : ['', '']
}

function span({ median, low, high }: Spread): string {
  return `${median.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0))) ?? []
  const line = (cells: readonly string[]) => {
    const padded = cells.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    )
    return `| ${padded.join(' | ')} |`
  }
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  const [header = [], ...body] = rows
  return [line(header), `| ${rule.join(' | ')} |`, ...body.map(line)]
}

function amount(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  return value.toFixed(value >= 100 ? 0 : 2)
}

function machine(): string {
  const processors = cpus()
  const packages = PACKAGES.map((name) => `${name} ${versionOf(name)}`).join(', ')
  const memory = Math.round(totalmem() / 1024 ** 3)
  const day = new Date().toISOString().slice(0, 10)
  const load = loadavg()[0]?.toFixed(1)
  return `${day}; ${processors.length} × ${processors[0]?.model}, ${memory} GB, load ${load}; Node ${process.versions.node}, ${redisVersion()}, ${packages}`
}

function versionOf(name: string): string {
  // Not through the package's exports, which need not list its package.json.
  const paths = require.resolve.paths(name) ?? []
  for (const path of paths) {
    try {
      const { version } = JSON.parse(readFileSync(join(path, name, 'package.json'), 'utf8')) as { version: string }
      return version
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  throw new Error(`${name} is not installed below any of ${paths.map(dirname).join(', ')}`)
}

function redisVersion(): string {
  const text = execFileSync('redis-server', ['--version'], { encoding: 'utf8' })
  return `Redis ${/v=(\S+)/.exec(text)?.[1] ?? 'of an unknown version'}`
}
