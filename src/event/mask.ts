import type { JsonValue } from './event'
import { collectSecrets } from './mask-text'
import { MASK } from './mask-url'
import { put } from './put'
import { snapshot } from './values'

export { maskText } from './mask-text'

/** A change as capture has it: values not yet made JSON. */
export type RawChange = { from?: unknown; to?: unknown } | { added?: unknown[]; removed?: unknown[] }
export type RawChanges = Record<string, RawChange>

export interface MaskedChanges {
  changes: RawChanges
  /** Paths in the event, for its `masked` field: `changes.password`. */
  masked: string[]
  /** The values that were masked, as text, for `maskText`: they may stand in a label, a URL or a reason as well. */
  secrets: string[]
}

const SIDES = ['from', 'to', 'added', 'removed'] as const

/**
 * The changes with `***` for the values of these properties. Null and undefined stay: that there was no value is no
 * secret. A property is its path: `password`, or `card.number` in an embedded or JSON property.
 *
 * @example
 * maskChanges({ pin: { from: '1234', to: null } }, ['pin'])
 * // { changes: { pin: { from: '***', to: null } }, masked: ['changes.pin'], secrets: ['1234'] }
 */
export function maskChanges(changes: RawChanges, properties: readonly string[]): MaskedChanges {
  const result: RawChanges = { ...changes }
  const masked = new Set<string>()
  const secrets = new Set<string>()
  for (const [name, change] of Object.entries(changes)) {
    for (const property of properties) {
      const inner = property.startsWith(`${name}.`) ? property.slice(name.length + 1).split('.') : []
      const applies = inner.length > 0 || property === name || name.startsWith(`${property}.`)
      if (!applies) continue
      const hidden = hideSides(result[name] ?? change, inner, secrets)
      if (hidden === undefined) continue
      put(result, name, hidden)
      masked.add(`changes.${[name, ...inner].join('.')}`)
    }
  }
  return { changes: result, masked: [...masked], secrets: [...secrets] }
}

function hideSides(change: RawChange, path: readonly string[], secrets: Set<string>): RawChange | undefined {
  const copy: Record<string, unknown> = { ...change }
  let found = false
  for (const side of SIDES) {
    const value = copy[side]
    if (value === undefined || value === null) continue
    const json = snapshot(value)
    const list = side === 'added' || side === 'removed'
    const hidden =
      list && Array.isArray(json) ? json.map((item) => hide(item, path, secrets)) : hide(json, path, secrets)
    if (JSON.stringify(hidden) === JSON.stringify(json) && path.length > 0) continue
    copy[side] = hidden
    found = true
  }
  return found ? copy : undefined
}

/** The value at the path replaced; through lists, every item's. */
function hide(value: JsonValue, path: readonly string[], secrets: Set<string>): JsonValue {
  const [key, ...rest] = path
  if (value === null) return null
  if (key === undefined) {
    if (value !== MASK) collectSecrets(value, secrets)
    return MASK
  }
  if (Array.isArray(value)) return value.map((item) => hide(item, path, secrets))
  if (typeof value !== 'object' || !Object.hasOwn(value, key)) return value
  const copy = { ...value }
  put(copy, key, hide(value[key] ?? null, rest, secrets))
  return copy
}
