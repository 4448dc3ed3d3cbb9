import type { Actor, JsonObject, JsonValue } from './event'
import type { PathState } from './mask-path'
import type { Masking } from './masking'
import { put } from './put'
import type { Walk } from './values'

/** Parts of an actor that say what it is, and not who. */
const PLAIN_PARTS = new Set(['type', 'is_staff', 'is_superuser'])

/** The fields of an actor, and of its impersonator. */
export function fieldsOf(
  walk: Walk,
  path: string,
  actor: object,
  state: PathState | undefined,
  masking?: Masking,
): Actor {
  const fields: Record<string, JsonValue> = {}
  for (const name of Object.keys(actor)) {
    const shown = fieldOf(walk, path, name, (actor as Record<string, unknown>)[name], state, masking)
    if (shown !== undefined) put(fields, name, shown)
  }
  return fields as Actor
}

function fieldOf(
  walk: Walk,
  path: string,
  name: string,
  value: unknown,
  state: PathState | undefined,
  masking: Masking | undefined,
): JsonValue | undefined {
  if (PLAIN_PARTS.has(name)) return walk.plain(value)
  if (name === 'pk') {
    const treatment = masking?.ofKey(`${path}.pk`)
    return treatment === undefined ? walk.plain(value) : walk.treat(`${path}.pk`, value, treatment)
  }
  if (typeof value !== 'object' || value === null) {
    if (name === 'ip') walk.secrets.area = 'fixed'
    const shown = walk.field(path, name, value, state)
    walk.secrets.area = 'data'
    return shown
  }
  const inner = state?.step(name)
  if (inner?.treatment !== undefined) return walk.treat(`${path}.${name}`, value, inner.treatment, inner)
  return fieldsOf(walk, `${path}.${name}`, value, inner, masking) as JsonObject
}
