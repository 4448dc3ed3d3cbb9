import { member } from '../../event/copy-own'
import { put } from '../../event/put'
import { unreadable } from '../../event/values'

/** Takes from a query, a body or headers what a list allows; undefined when nothing of it is there. */
export type Allow = (source: unknown) => Record<string, unknown> | undefined

/** Names, or paths such as `filter.status`; what is under an allowed name is taken whole. */
export function allowList(names: readonly string[]): Allow {
  const paths = names.map((name) => ({ name, path: name.split('.') }))
  return (source) => {
    if (typeof source !== 'object' || source === null) return undefined
    const taken: Record<string, unknown> = {}
    for (const { name, path } of paths) {
      // The whole name first: a field of a form may have a dot in its name.
      const value = own(source, name) ?? at(source, path)
      if (value !== undefined) put(taken, name, value)
    }
    return Object.keys(taken).length === 0 ? undefined : taken
  }
}

function at(source: unknown, path: readonly string[]): unknown {
  let value: unknown = source
  for (const key of path) value = own(value, key)
  return value
}

/** Own members alone: `constructor` or `__proto__` in a list, or a body made to look like it, must give nothing. */
function own(holder: unknown, key: string): unknown {
  if (typeof holder !== 'object' || holder === null) return undefined
  try {
    if (!Object.hasOwn(holder, key)) return undefined
  } catch {
    // A proxy that throws: the mark makes the event tell.
    return unreadable
  }
  return member(holder, key)
}
