import { createHash } from 'node:crypto'
import { types } from 'node:util'

/**
 * What stands for an object that is more than its keys: a text, or plain parts still to be looked into. Returns the
 * object itself when it is to be read key by key. May throw where the object does.
 */
export function plainForm(value: object): unknown {
  if (types.isDate(value)) return dateText(value)
  if (ArrayBuffer.isView(value))
    return bytesForm(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), value)
  if (types.isAnyArrayBuffer(value)) return bytesForm(new Uint8Array(value), value)
  if (types.isMap(value)) return mapForm(value)
  if (types.isSet(value)) return Array.from(Set.prototype.values.call(value))
  if (types.isNativeError(value) || value instanceof Error) return errorForm(value)
  if (types.isRegExp(value)) return String(value)
  if (value instanceof URL) return value.href
  if (value instanceof URLSearchParams || value instanceof Headers) return Object.fromEntries(value)
  if (types.isBoxedPrimitive(value)) return (value as { valueOf(): unknown }).valueOf()
  if (types.isPromise(value)) return '[Promise]'
  if (types.isWeakMap(value) || types.isWeakSet(value)) return '[Weak collection]'
  return ownForm(value)
}

/** What the object's own `toJSON` makes of it (Decimal, Luxon and most libraries of values), or the object itself. */
export function ownForm(value: object): unknown {
  const { toJSON } = value as { toJSON?: unknown }
  return typeof toJSON === 'function' ? toJSON.call(value, '') : value
}

/** A short text for what JSON has no value for. */
export function textForm(value: symbol | ((...given: never[]) => unknown)): string {
  if (typeof value === 'symbol') return `[${String(value)}]`
  const name: unknown = Object.getOwnPropertyDescriptor(value, 'name')?.value
  return typeof name === 'string' && name !== '' ? `[Function ${name.slice(0, 100)}]` : '[Function]'
}

/** Date.prototype's own methods: libraries override toJSON, and a date without a time throws in toISOString. */
function dateText(value: Date): string {
  const time = Date.prototype.getTime.call(value)
  return Number.isNaN(time) ? 'Invalid Date' : Date.prototype.toISOString.call(value)
}

function bytesForm(bytes: Uint8Array, value: object): object {
  const type = Buffer.isBuffer(value) ? 'Buffer' : Object.prototype.toString.call(value).slice(8, -1)
  return { type, bytes: bytes.byteLength, sha256: createHash('sha256').update(bytes).digest('hex') }
}

function mapForm(value: Map<unknown, unknown>): unknown {
  const entries = Array.from(Map.prototype.entries.call(value)) as [unknown, unknown][]
  const named = entries.every(([key]) => typeof key === 'string' || typeof key === 'number')
  return named ? Object.fromEntries(entries) : entries
}

/** Not the error's other properties: drivers keep the statement and its parameters there. */
function errorForm(error: Error): object {
  const { name, message, code } = error as Error & { code?: unknown }
  return { name, message, ...((typeof code === 'string' || typeof code === 'number') && { code }) }
}
