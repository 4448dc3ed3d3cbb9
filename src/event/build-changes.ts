import type { Change, Changes, JsonValue } from './event'
import type { RawChange, RawChanges } from './mask'
import type { PathState } from './mask-path'
import type { Masking } from './masking'
import { put } from './put'
import { partsOf } from './secret-key'
import { later, type Treatment } from './treatment'
import type { Walk } from './values'

/** By the property's own name and by its place; what the entity's own mask says (`Hidden`) wins over both. */
export function changesOf(walk: Walk, raw: RawChanges, holder: PathState | undefined, masking: Masking): Changes {
  const changes: Changes = {}
  for (const name of Object.keys(raw)) {
    const change = raw[name] as RawChange
    const state = holder?.step(name)
    let treatment = later(masking.name(name).treatment, state?.treatment)
    // `address.street` is a property in a property: what masks the outer one masks it.
    if (holder !== undefined && name.includes('.')) treatment = later(outerOf(name, holder), treatment)
    const shown = changeOf(walk, name, change, treatment, state)
    if (shown !== undefined) put(changes, wellFormed(name), shown)
  }
  return changes
}

/** Undefined when all of it is removed. */
function changeOf(
  walk: Walk,
  name: string,
  change: RawChange,
  treatment: Treatment | undefined,
  state: PathState | undefined,
): Change | undefined {
  const path = `changes.${name}`
  const hides = treatment !== undefined && (treatment.order >= 0 || tellsMore(change))
  if (!hides) return walk.change(path, change, state)
  const before = walk.masked.length
  const copy: Record<string, JsonValue> = {}
  let sides = 0
  for (const [side, value] of Object.entries(change) as [string, unknown][]) {
    if (value === undefined) continue
    sides += 1
    const items = (side === 'added' || side === 'removed') && Array.isArray(value)
    const shown = items
      ? value.map((item: unknown) => walk.treat(path, item, treatment, state)).filter((item) => item !== undefined)
      : walk.treat(path, value, treatment, state)
    if (shown !== undefined && !(items && treatment.mode === 'remove')) copy[side] = shown
  }
  // One path for both sides.
  if (walk.masked.length > before + 1) walk.masked.length = before + 1
  return sides > 0 && Object.keys(copy).length === 0 ? undefined : (copy as Change)
}

/** What masks a property that this one is a part of. */
function outerOf(name: string, holder: PathState): Treatment | undefined {
  let state: PathState | undefined = holder
  let treatment: Treatment | undefined
  for (const part of partsOf(name).slice(0, -1)) {
    state = state?.step(part)
    if (state?.treatment?.mode !== 'allow') treatment = later(treatment, state?.treatment)
  }
  return treatment
}

/** Answers such as `hasPassword: true` are no secrets, whatever they are called. */
function tellsMore(change: object): boolean {
  return Object.values(change).some((value) => typeof value !== 'boolean' && value !== null && value !== undefined)
}

/** Names and keys may come from anywhere. */
export function wellFormed(text: string): string {
  return String(text).toWellFormed()
}
