import type { JsonObject, JsonValue } from './event'
import { put } from './put'

/** Put in the place of a value that could not be read, it becomes `"[Unreadable]"` and its path is reported. */
export const unreadable = Symbol('unreadable')

/** A member of an object or a list, or the mark that it could not be read. */
export function read(holder: object, key: string | number): unknown {
  try {
    return (holder as Record<string | number, unknown>)[key]
  } catch {
    // Said in the event by the mark that the walk makes of it.
    return unreadable
  }
}

/** The first entries again, which the walk found to be JSON already. */
export function firstMembers(record: Record<string, unknown>, keys: readonly string[], count: number): JsonObject {
  const copy: JsonObject = {}
  for (const key of keys.slice(0, count)) if (record[key] !== undefined) put(copy, key, record[key] as JsonValue)
  return copy
}

export function firstItems(list: readonly unknown[], count: number): JsonValue[] {
  const copy: JsonValue[] = []
  for (let index = 0; index < count; index += 1) copy.push((list[index] as JsonValue | undefined) ?? null)
  return copy
}
