import type { AuditEvent, Change, JsonValue } from '../../../src/event/event'

/** What changed, or what else the event tells, in one line. */
export function changesOf({ action, changes, content, reason, coverage_reason, instance }: AuditEvent): string {
  const parts = Object.entries(content ?? {}).map(([name, value]) => `${name}=${plain(value)}`)
  // What the column before tells already.
  const told = new Set([instance?.pk, instance?.name])
  for (const [name, change] of Object.entries(changes ?? {})) parts.push(oneChange(action, name, change, told))
  if (reason !== undefined) parts.push(reason)
  if (coverage_reason !== undefined) parts.push(`partial: ${coverage_reason}`)
  return parts.filter((part) => part !== '').join(', ')
}

function oneChange(action: string, name: string, change: Change, told: ReadonlySet<string | undefined>): string {
  if ('added' in change || 'removed' in change) {
    return `${name} +${change.added?.length ?? 0} -${change.removed?.length ?? 0}`
  }
  const { from, to } = change as { from?: JsonValue; to?: JsonValue }
  if (action === 'OBJ_UPDATE' && from !== undefined) return `${name} ${plain(from)} → ${plain(to)}`
  const value = to === undefined ? from : to
  // A new or deleted row tells every column; those without a value only fill the line.
  const tells = value !== null && value !== undefined && !told.has(plain(value))
  return tells ? `${name}=${plain(value)}` : ''
}

function plain(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value
  return value === undefined ? 'unknown' : JSON.stringify(value)
}
