import type { AuditEvent } from '../event/event'
import { type Difference, differenceOf } from './match'

const MOST_EVENTS = 20
const MOST_LETTERS = 300

/** What was recorded, as a list to read in a failing test; events of the action in question say where they differ. */
export function listing(events: readonly AuditEvent[], action: string, pattern: Record<string, unknown>): string {
  if (events.length === 0) return 'Nothing was recorded.'
  const lines = events.slice(0, MOST_EVENTS).map((event, index) => `  ${index + 1}. ${lineOf(event, action, pattern)}`)
  if (events.length > MOST_EVENTS) lines.push(`  … and ${events.length - MOST_EVENTS} more.`)
  const count = events.length === 1 ? '1 event was' : `${events.length} events were`
  return `${count} recorded:\n${lines.join('\n')}`
}

function lineOf(event: AuditEvent, action: string, pattern: Record<string, unknown>): string {
  const told = summary(event)
  if (event.action !== action) return told
  const difference = differenceOf(event, pattern)
  return difference === undefined ? `${told}  ← this one` : `${told}\n     ${explain(difference)}`
}

/** `OBJ_UPDATE Invoice 7 by ann {"changes":…}` */
function summary({ action, instance, user, outcome, changes, content }: AuditEvent): string {
  const what = instance === undefined ? '' : ` ${instance.model}${instance.pk === undefined ? '' : ` ${instance.pk}`}`
  const who = user === undefined ? '' : ` by ${user.username ?? user.pk ?? user.type}`
  const how = outcome === 'failure' ? ' (failure)' : ''
  const more = changes === undefined && content === undefined ? '' : ` ${short({ changes, content })}`
  return `${action}${what}${who}${how}${more}`
}

function explain({ path, expected, actual }: Difference): string {
  const there = actual === undefined ? 'is absent' : `is ${short(actual)}`
  const wanted = expected === undefined ? 'expected to be absent' : `expected ${short(expected)}`
  return `${path} ${there}, ${wanted}`
}

/** A value in one line; matchers such as `expect.any(String)` by what they call themselves. */
export function short(value: unknown): string {
  const text = JSON.stringify(value, (_, item: unknown) => printable(item)) ?? String(value)
  return text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS)}…` : text
}

function printable(item: unknown): unknown {
  if (typeof item === 'bigint' || item instanceof RegExp) return String(item)
  if (typeof item !== 'object' || item === null || !('asymmetricMatch' in item)) return item
  const { toAsymmetricMatcher } = item as { toAsymmetricMatcher?: () => string }
  return typeof toAsymmetricMatcher === 'function' ? toAsymmetricMatcher.call(item) : String(item)
}
