import { hostname } from 'node:os'
import { packageVersion } from '../../config/version'
import type { EventLine } from '../queue/queue'
import type { Changes, JsonObject, JsonValue } from './event'
import { closeLine, isoDate, newEventId, openLine } from './serialise'

/** Which part of the package tells of itself. */
export type LifecyclePart = 'capture' | 'worker'
export type LifecycleAction = 'AUDIT_STARTED' | 'AUDIT_STOPPED' | 'AUDIT_SETTINGS_CHANGED'

/**
 * An event about the logger itself: who reads the stream must be able to tell that nothing happened from that nothing
 * was recorded (PCI DSS 10.2.1.6 asks for start, stop and pause of audit logs).
 *
 * @param content JSON without secrets; the part, the version, the process and its machine are added
 */
export function lifecycleEvent(
  action: LifecycleAction,
  part: LifecyclePart,
  content: JsonObject = {},
  changes?: Changes,
): EventLine {
  const line = openLine({
    id: newEventId(),
    date: isoDate(Date.now()),
    action,
    outcome: 'success',
    ...(changes && { changes }),
    content: { part, version: packageVersion(), host: hostname(), pid: process.pid, ...content },
    entry_point: 'system',
  })
  return closeLine(line, { type: 'system' })
}

/** What differs between two settings objects, both as JSON without secrets; undefined when nothing does. */
export function settingsChanges(before: string, now: string): Changes | undefined {
  const [from, to] = [objectOf(before), objectOf(now)]
  const changes: Changes = {}
  for (const name of new Set([...Object.keys(from), ...Object.keys(to)])) {
    if (JSON.stringify(from[name]) === JSON.stringify(to[name])) continue
    changes[name] = { ...sideOf('from', from[name]), ...sideOf('to', to[name]) }
  }
  return Object.keys(changes).length === 0 ? undefined : changes
}

function sideOf<Side extends 'from' | 'to'>(side: Side, value: JsonValue | undefined) {
  return value === undefined ? {} : { [side]: value }
}

function objectOf(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as JsonObject) : {}
  } catch {
    return {}
  }
}
