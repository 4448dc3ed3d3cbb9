/** A class of an entity, in a list of models. */
export type EntityClass = abstract new (...values: never[]) => unknown

const EVERYTHING = new Set(['decorated', 'all'])

/** `decorated` and `all` are words, whatever their case; anything else is a list of names. */
export function parseModels(value: unknown): unknown {
  const word = typeof value === 'string' ? value.trim().toLowerCase() : ''
  return EVERYTHING.has(word) ? word : parseNames(value)
}

/** Entity names from JSON, a comma-separated text, or an array of names and classes; anything else is left for the schema to refuse. */
export function parseNames(value: unknown): unknown {
  const list = typeof value === 'function' ? [value] : parseList(value, ',')
  return Array.isArray(list) ? [...new Set(list.map(toName))] : list
}

/** A path from JSON, `profile.organisation`, `profile,organisation` or an array. */
export function parsePath(value: unknown): unknown {
  const list = parseList(value, /[.,]/)
  if (!Array.isArray(list)) return list
  return list.flatMap((step: unknown) => (typeof step === 'string' ? step.split('.') : [step]))
}

/** A whole list can be misunderstood silently, and then nothing is logged: so these are refused, not skipped. */
export function isEntityName(name: string): boolean {
  return /^[\p{L}\p{N}_$./:-]+$/u.test(name) && !EVERYTHING.has(name)
}

/** A property name. The ways to a prototype are never part of a relation path. */
export function isPropertyName(name: string): boolean {
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) && !['__proto__', 'constructor', 'prototype'].includes(name)
}

function parseList(value: unknown, separator: string | RegExp): unknown {
  if (typeof value !== 'string') return value
  const text = value.trim()
  if (text.startsWith('[')) return parseJson(text)
  const parts = text.split(separator).map((part) => part.trim())
  if (parts.at(-1) === '') parts.pop()
  return parts.length > 0 ? parts : value
}

/** The text itself when it is not JSON: the schema then reports it as what was given. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function toName(item: unknown): unknown {
  return typeof item === 'function' ? item.name : item
}
