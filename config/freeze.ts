/** An object written as a literal (or parsed from JSON): not a class instance, an array or a live connection. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}

/**
 * A deeply frozen copy of plain objects and arrays, so that the caller can neither change the settings later nor find
 * its own objects frozen. Everything else (functions, buffers, certificates, connections) is passed on as it is.
 */
export function frozenCopy<Value>(value: Value): Value
export function frozenCopy(value: unknown): unknown {
  return copy(value, new Map())
}

function copy(value: unknown, seen: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null || !(Array.isArray(value) || isPlainObject(value))) return value
  const known = seen.get(value)
  if (known) return known
  const target: object = Array.isArray(value) ? [] : {}
  seen.set(value, target)
  for (const [key, member] of Object.entries(value)) {
    // defineProperty, because assigning to a key named __proto__ would replace the prototype.
    Object.defineProperty(target, key, { value: copy(member, seen), enumerable: true })
  }
  return Object.freeze(target)
}
