import type { DataSource } from 'typeorm'
import { knownEntity } from '../context/entity'
import { put } from '../event/put'
import { LIMITS } from '../event/values'

const DEPTH = 8

/**
 * The value as it is now, so that what happens to it later does not reach the event. Lists, plain objects and entities
 * are copied, entities as entities: what they mask is found by their class. Anything else is kept.
 */
export function pictureOf(value: unknown, dataSources: Iterable<DataSource>): unknown {
  try {
    return copy(value, dataSources, new Map(), 0)
  } catch {
    // A getter or proxy of the application's throws: the event is built of the value itself, and says so.
    return value
  }
}

function copy(value: unknown, dataSources: Iterable<DataSource>, seen: Map<object, unknown>, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > DEPTH) return value
  const known = seen.get(value)
  if (known !== undefined) return known
  const target = emptyLike(value, dataSources)
  if (target === undefined) return value
  seen.set(value, target)
  for (const [key, item] of Object.entries(value)) {
    put(target as Record<string, unknown>, key, copy(item, dataSources, seen, depth + 1))
  }
  return target
}

/** Undefined for what is more than its members, such as dates, buffers and connections. */
function emptyLike(value: object, dataSources: Iterable<DataSource>): object | undefined {
  // Of a longer one the event shows a part, which is not worth copying all of it.
  if (Array.isArray(value)) return value.length > LIMITS.breadth ? undefined : []
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || prototype === Object.prototype) return {}
  if (value instanceof Date) return new Date(value)
  return knownEntity(value, dataSources) === undefined ? undefined : (Object.create(prototype as object) as object)
}
