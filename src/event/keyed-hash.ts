import { createHmac } from 'node:crypto'
import type { JsonValue } from './event'

const HASHED = /^hmac:[0-9a-f]{64}$/

/**
 * `hmac:` and the HMAC-SHA-256 of the value, in hexadecimal: without the key nobody can tell the value, nor try values
 * out, and equal values have equal hashes. Of a text or a number it is that of its text, so that `5` and `"5"` (what one
 * database driver or another gives) are equal; of lists and objects that of their JSON with sorted names. What is such a
 * hash already stays: an actor that travels with a job is hashed once.
 *
 * @example
 * keyedHash('DE02120300000000202051', key) // 'hmac:5f1c…'
 */
export function keyedHash(value: JsonValue, key: string): string {
  const text = typeof value === 'string' ? value : canonicalJson(value)
  return HASHED.test(text) ? text : `hmac:${createHmac('sha256', key).update(text).digest('hex')}`
}

/** JSON in which equal objects are equal texts, in whatever order their names were put. */
export function canonicalJson(value: JsonValue): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const members = Object.keys(value)
    .toSorted()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name] ?? null)}`)
  return `{${members.join(',')}}`
}
