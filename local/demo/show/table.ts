import type { AuditEvent } from '../../../src/event/event'
import { whatOf, whoOf } from '../expected'
import { changesOf } from './changes'
import type { Style } from './style'

const MOST_WIDTH = 120
const LEAST_WIDTH = 100
const GAP = '  '
const TITLES = ['time (UTC)', 'action', 'who', 'organisation', 'what', 'changes']

/** The events as a table that fits the terminal; what is too long ends in `…`. */
export function eventTable(events: readonly AuditEvent[], style: Style, columns = MOST_WIDTH): string {
  const rows = events.map(cells)
  const width = Math.max(LEAST_WIDTH, Math.min(MOST_WIDTH, columns))
  const widths = TITLES.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)))
  const last = widths.length - 1
  const others = widths.slice(0, last).reduce((sum, one) => sum + one + GAP.length, 0)
  widths[last] = Math.max(TITLES[last]?.length ?? 0, Math.min(widths[last] ?? 0, width - others))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => padded(cell, widths[column] ?? 0))
      .join(GAP)
      .trimEnd()
  const rule = widths.map((one) => '─'.repeat(one)).join(GAP)
  return [style('bold', line(TITLES)), style('dim', rule), ...rows.map(line)].join('\n')
}

function cells(event: AuditEvent): string[] {
  const time = event.date.slice(11, 23)
  return [time, event.action, whoOf(event), event.user?.organisation ?? '', whatOf(event), changesOf(event)]
}

function padded(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width)
}
