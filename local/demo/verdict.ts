import type { AuditEvent } from '../../src/event/event'
import { type Expected, textOfEvent, textOfExpected } from './expected'

/** What `--json` prints. `missing` and `extra` say what each event is. */
export interface Verdict {
  readonly accepted: number
  readonly stored: number
  readonly missing: readonly string[]
  readonly extra: readonly string[]
}

export interface Evidence {
  /** What the story says must be on record. */
  readonly expected: readonly Expected[]
  /** The lines that the application handed over. */
  readonly accepted: readonly string[]
  /** The messages in the log stream. */
  readonly stored: readonly string[]
  /** Texts that must not be stored anywhere. */
  readonly absent: readonly string[]
}

/**
 * Two comparisons, each of which counts: what was captured against what the story expects, and what is stored against
 * what was captured, byte by byte. A stored event may be neither lost nor doubled nor changed.
 */
export function judge({ expected, accepted, stored, absent }: Evidence): Verdict {
  const captured = difference(expected.map(textOfExpected), accepted.map(describe))
  const carried = difference(accepted, stored)
  const leaked = absent.filter((trace) => stored.some((line) => line.includes(trace)))
  return {
    accepted: accepted.length,
    stored: stored.length,
    missing: [
      ...captured.missing.map((text) => `never captured: ${text}`),
      ...carried.missing.map((line) => `not stored: ${describe(line)} (${idOf(line)})`),
    ],
    extra: [
      ...captured.extra.map((text) => `captured against expectation: ${text}`),
      ...carried.extra.map((line) => `stored but never accepted, or twice: ${describe(line)} (${idOf(line)})`),
      ...leaked.map((trace) => `stored though it must not be: ${trace}`),
    ],
  }
}

export function isRight({ accepted, stored, missing, extra }: Verdict): boolean {
  return accepted === stored && missing.length === 0 && extra.length === 0
}

/** As multisets: what occurs twice on one side only once on the other differs. */
function difference(wanted: readonly string[], found: readonly string[]) {
  const extra = [...found]
  const missing = wanted.filter((one) => {
    const index = extra.indexOf(one)
    if (index >= 0) extra.splice(index, 1)
    return index < 0
  })
  return { missing, extra }
}

function describe(line: string): string {
  return textOfEvent(parse(line))
}

function idOf(line: string): string {
  return String(parse(line).id)
}

/** A stream may hold anything; what is no event is shown as it is. */
function parse(line: string): AuditEvent {
  try {
    return JSON.parse(line) as AuditEvent
  } catch {
    return { v: 1, id: 'no id', date: '', action: line }
  }
}
