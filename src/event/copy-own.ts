import { put } from './put'
import { unreadable } from './values'

/**
 * The object's own members, read once. Never throws: a member that cannot be read is marked, so that the event says
 * so; a value that is no object has no members.
 *
 * @param except names to leave out
 */
export function copyOwn(value: unknown, except?: ReadonlySet<string>): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return {}
  try {
    return copied(value, except)
  } catch {
    // Something in it throws: taken member by member, which is slower, only that something is lost.
    const copy: Record<string, unknown> = {}
    for (const key of keysOf(value)) if (except?.has(key) !== true) put(copy, key, member(value, key))
    return copy
  }
}

function copied(value: object, except: ReadonlySet<string> | undefined): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  for (const key of Object.keys(value)) {
    if (except?.has(key) !== true) put(copy, key, (value as Record<string, unknown>)[key])
  }
  return copy
}

/** A member of anything, or the mark that it could not be read. Never throws. */
export function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  try {
    return (value as Record<string, unknown>)[key]
  } catch {
    // The caller's getter throws; the mark makes the event tell.
    return unreadable
  }
}

function keysOf(value: object): string[] {
  try {
    return Object.keys(value)
  } catch {
    // A proxy that hides its keys: reading this name from it gives the mark, or nothing.
    return ['unreadable']
  }
}
