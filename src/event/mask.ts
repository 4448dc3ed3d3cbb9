import type { MaskTreatment } from '../../config/mask'
import type { JsonValue } from './event'
import { Hidden, type MaskedMembers } from './hidden'
import { collectSecrets } from './mask-text'
import { MASK } from './mask-url'
import { put } from './put'
import { wholeSnapshot } from './values'

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

/** How properties are masked, by path; those that are not in it are made `***`. */
export type PropertyModes = ReadonlyMap<string, MaskTreatment>

const SIDES = ['from', 'to', 'added', 'removed'] as const
const REDACT: MaskTreatment = { mode: 'redact', keep: 0 }

/**
 * The changes with `***`, or what `modes` says, for the values of these properties. Null and undefined stay: that there
 * was no value is no secret. A property is its path: `password`, or `card.number` in an embedded or JSON property.
 *
 * @param modes those of properties that are not just `***`; those of mode `allow` count without being in the list
 * @example
 * maskChanges({ pin: { from: '1234', to: null } }, ['pin'])
 * // { changes: { pin: { from: '***', to: null } }, masked: ['changes.pin'], secrets: ['1234'] }
 */
export function maskChanges(changes: RawChanges, properties: readonly string[], modes?: PropertyModes): MaskedChanges {
  const result: RawChanges = { ...changes }
  const masked = new Set<string>()
  const secrets = new Set<string>()
  const listed = modes === undefined ? properties : new Set([...properties, ...modes.keys()])
  for (const [name, change] of Object.entries(changes)) {
    for (const property of listed) {
      const inner = innerPath(name, property)
      if (inner === undefined) continue
      const treatment = modes?.get(property) ?? REDACT
      const hidden = hideSides(result[name] ?? change, inner, treatment, secrets)
      if (hidden === undefined) continue
      put(result, name, hidden)
      if (treatment.mode !== 'allow') masked.add(`changes.${[name, ...inner].join('.')}`)
    }
  }
  return { changes: result, masked: [...masked], secrets: [...secrets] }
}

/** The same for an object with such properties: an entity that is somebody's content, or some of its values. */
export function maskMembers(holder: object, modes: PropertyModes): MaskedMembers {
  const members: Record<string, unknown> = {}
  const masked: string[] = []
  const secrets = new Set<string>()
  for (const [name, value] of Object.entries(holder)) {
    let hidden: unknown = value
    for (const [property, treatment] of modes) {
      const inner = innerPath(name, property)
      if (inner === undefined || hidden === undefined || hidden === null) continue
      const next = hideValue(hidden, inner, treatment, secrets)
      if (next === hidden) continue
      hidden = next
      if (treatment.mode !== 'allow') masked.push([name, ...inner].join('.'))
    }
    put(members, name, hidden)
  }
  return { members, masked, secrets: [...secrets] }
}

/** The steps from the property of this name to the masked one; none when it is masked whole, undefined when it is not. */
function innerPath(name: string, property: string): string[] | undefined {
  if (property.startsWith(`${name}.`)) return property.slice(name.length + 1).split('.')
  return property === name || name.startsWith(`${property}.`) ? [] : undefined
}

function hideSides(
  change: RawChange,
  path: readonly string[],
  treatment: MaskTreatment,
  secrets: Set<string>,
): RawChange | undefined {
  const copy: Record<string, unknown> = { ...change }
  let found = false
  for (const side of SIDES) {
    const value = copy[side]
    if (value === undefined || value === null) continue
    const list = (side === 'added' || side === 'removed') && Array.isArray(value)
    const hidden = list
      ? value.map((item: unknown) => hideValue(item, path, treatment, secrets))
      : hideValue(value, path, treatment, secrets)
    if (hidden === value) continue
    copy[side] = hidden
    found = true
  }
  return found ? copy : undefined
}

/** The value itself when nothing at the path is there to be hidden. */
function hideValue(value: unknown, path: readonly string[], treatment: MaskTreatment, secrets: Set<string>): unknown {
  if (Hidden.is(value)) return value
  const json = wholeSnapshot(value)
  const found = { any: path.length === 0 }
  const hidden = hide(json, path, treatment, secrets, found)
  return found.any ? hidden : value
}

/** The value at the path replaced; through lists, every item's. */
function hide(
  value: unknown,
  path: readonly string[],
  treatment: MaskTreatment,
  secrets: Set<string>,
  found: { any: boolean },
): unknown {
  const [key, ...rest] = path
  if (value === null || Hidden.is(value)) return value
  if (key === undefined) {
    found.any = true
    if (treatment.mode === 'allow') return new Hidden(value, treatment)
    if (value !== MASK) collectSecrets(value as JsonValue, secrets)
    return treatment.mode === 'redact' ? MASK : new Hidden(value, treatment)
  }
  if (Array.isArray(value)) return value.map((item: unknown) => hide(item, path, treatment, secrets, found))
  if (typeof value !== 'object' || !Object.hasOwn(value, key)) return value
  const copy: Record<string, unknown> = { ...value }
  put(copy, key, hide(copy[key] ?? null, rest, treatment, secrets, found))
  return copy
}
