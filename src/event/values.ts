import type { JsonObject, JsonValue } from './event'
import { ownForm, plainForm, textForm } from './exotic'
import { collectSecrets } from './mask-text'
import { MASK, maskUrl, maskUrls } from './mask-url'
import { put } from './put'
import { type KeyKind, kindOfKey } from './secret-key'

/** What one event may hold; beyond it, values are left out and their paths reported. Texts are never cut. */
export const LIMITS = { depth: 16, breadth: 10_000, entries: 100_000 } as const

const CIRCULAR = '[Circular]'
const TRUNCATED = '[Truncated]'
const UNREADABLE = '[Unreadable]'
/** Put in the place of a value that could not be read, it becomes `"[Unreadable]"` and its path is reported. */
export const unreadable = Symbol('unreadable')

export interface WalkOptions {
  /** Return the given objects themselves where nothing in them had to change: only for what is stringified at once. */
  share?: boolean
  /** Mask values under secret names, and the secrets in addresses. */
  mask?: boolean
  /** Applied to every text and name. */
  replace?: (text: string) => string
}

/** One pass over the values of one event: makes JSON of anything, and remembers what it could not keep. Never throws. */
export class Walk {
  readonly truncated: string[] = []
  readonly unreadable: string[] = []
  readonly masked: string[] = []
  /** The raw values that were masked. */
  readonly secrets = new Set<string>()
  readonly #share: boolean
  readonly #mask: boolean
  readonly #replace: ((text: string) => string) | undefined
  readonly #path: string[] = []
  readonly #ancestors: object[] = []
  #left: number = LIMITS.entries

  constructor({ share = false, mask = false, replace }: WalkOptions = {}) {
    this.#share = share
    this.#mask = mask
    this.#replace = replace
  }

  /** The value as JSON; `path` is where it stands in the event. Undefined is nothing to write. */
  take(path: string, value: unknown): JsonValue | undefined {
    return this.#entry(path, value, 'plain')
  }

  #entry(key: string, value: unknown, kind: KeyKind): JsonValue | undefined {
    switch (typeof value) {
      case 'string':
        return this.#text(key, value, kind)
      case 'number':
        return Number.isFinite(value) ? value || 0 : String(value)
      case 'boolean':
      case 'undefined':
        return value
      case 'bigint':
        return String(value)
      case 'object':
        return value === null ? null : this.#object(key, value, kind)
      case 'symbol':
        if (value === unreadable) return this.#unreadable(key)
        return this.#text(key, textForm(value), kind)
      default:
        return this.#text(key, textForm(value as () => unknown), kind)
    }
  }

  #text(key: string, text: string, kind: KeyKind): string {
    const whole = text.isWellFormed() ? text : text.toWellFormed()
    let safe = whole
    if (this.#mask && (kind === 'url' || whole.includes('://'))) {
      const onSecret = (raw: string) => this.secrets.add(raw)
      safe = maskUrls(kind === 'url' ? maskUrl(whole, onSecret) : whole, onSecret)
    }
    if (this.#replace !== undefined) safe = this.#replace(safe)
    if (safe !== whole) this.masked.push(this.#at(key))
    return safe
  }

  #object(key: string, value: object, kind: KeyKind): JsonValue | undefined {
    if (this.#ancestors.includes(value)) return CIRCULAR
    const depth = this.#ancestors.length
    const length = this.#path.length
    if (depth >= LIMITS.depth) return this.#truncate(key)
    this.#ancestors.push(value)
    this.#path.push(key)
    try {
      const form = formOf(value)
      if (form !== value) {
        this.#path.pop()
        return this.#entry(key, form, kind)
      }
      return Array.isArray(value) ? this.#list(value) : this.#record(value as Record<string, unknown>)
    } catch {
      // A proxy or a toJSON that throws: said in the event by this text and by the path, which the recorder reports.
      if (this.#path.length > length) this.#path.pop()
      return this.#unreadable(key)
    } finally {
      this.#ancestors.pop()
      if (this.#path.length > length) this.#path.pop()
    }
  }

  #list(list: readonly unknown[]): JsonValue[] {
    const count = this.#admit(list.length)
    let copy: JsonValue[] | undefined = this.#share && count === list.length ? undefined : []
    for (let index = 0; index < count; index += 1) {
      const item = read(list, index)
      const json = this.#entry(String(index), item, 'plain') ?? null
      if (copy === undefined && json !== item && item !== undefined) copy = firstItems(list, index)
      copy?.push(json)
    }
    return copy ?? (list as JsonValue[])
  }

  #record(record: Record<string, unknown>): JsonObject {
    const keys = Object.keys(record)
    const count = this.#admit(keys.length)
    let copy: JsonObject | undefined = this.#share && count === keys.length ? undefined : {}
    for (let index = 0; index < count; index += 1) {
      const key = keys[index] as string
      const name = this.#name(key)
      const item = read(record, key)
      const json = this.#member(name, item, this.#mask ? kindOfKey(key) : 'plain')
      if (copy === undefined && ((json !== item && item !== undefined) || name !== key))
        copy = firstMembers(record, keys, index)
      if (copy !== undefined && json !== undefined) put(copy, Object.hasOwn(copy, name) ? `${name}\ufffd` : name, json)
    }
    return copy ?? (record as JsonObject)
  }

  #member(name: string, item: unknown, kind: KeyKind): JsonValue | undefined {
    if (kind !== 'secret') return this.#entry(name, item, kind)
    // Whether there is a secret is none: null stays, and so do answers such as `hasPassword: true`.
    if (item === null || item === undefined || typeof item === 'boolean') return item
    if (item !== MASK) {
      collectSecrets(snapshot(item), this.secrets)
      this.masked.push(this.#at(name))
    }
    return MASK
  }

  #name(key: string): string {
    const whole = key.isWellFormed() ? key : key.toWellFormed()
    return this.#replace === undefined ? whole : this.#replace(whole)
  }

  /** How many of so many entries may be taken. */
  #admit(count: number): number {
    const admitted = Math.min(count, LIMITS.breadth, this.#left)
    this.#left -= admitted
    if (admitted < count) this.truncated.push(this.#path.join('.'))
    return admitted
  }

  #truncate(key: string): string {
    this.truncated.push(this.#at(key))
    return TRUNCATED
  }

  #unreadable(key: string): string {
    this.unreadable.push(this.#at(key))
    return UNREADABLE
  }

  #at(key: string): string {
    return this.#path.length === 0 ? key : `${this.#path.join('.')}.${key}`
  }
}

/**
 * The value as it is now, as JSON that nobody else holds a reference to. Takes anything and never throws: dates become
 * ISO texts, bigints texts, buffers `{type, bytes, sha256}`, what is circular `"[Circular]"`, a getter that throws
 * `"[Unreadable]"`; undefined becomes null at the top and is left out below.
 *
 * @example
 * snapshot({ at: new Date(0), n: 1n, raw: Buffer.from('a') })
 * // { at: '1970-01-01T00:00:00.000Z', n: '1', raw: { type: 'Buffer', bytes: 1, sha256: 'ca97…' } }
 */
export function snapshot(value: unknown): JsonValue {
  return new Walk().take('value', value) ?? null
}

function formOf(value: object): unknown {
  const prototype: unknown = Object.getPrototypeOf(value)
  const plain = prototype === Object.prototype || prototype === null || prototype === Array.prototype
  return plain ? ownForm(value) : plainForm(value)
}

function read(holder: object, key: string | number): unknown {
  try {
    return (holder as Record<string | number, unknown>)[key]
  } catch {
    // Said in the event by the mark that the walk makes of it.
    return unreadable
  }
}

/** The first entries again, which the walk found to be JSON already. */
function firstMembers(record: Record<string, unknown>, keys: readonly string[], count: number): JsonObject {
  const copy: JsonObject = {}
  for (const key of keys.slice(0, count)) if (record[key] !== undefined) put(copy, key, record[key] as JsonValue)
  return copy
}

function firstItems(list: readonly unknown[], count: number): JsonValue[] {
  const copy: JsonValue[] = []
  for (let index = 0; index < count; index += 1) copy.push((list[index] as JsonValue | undefined) ?? null)
  return copy
}
