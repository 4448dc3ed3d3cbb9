import type { MaskTreatment } from '../../config/mask'
import { isCardNumber } from './card-number'
import type { Change, JsonObject, JsonValue } from './event'
import { EventSecrets } from './event-secrets'
import { ownForm, plainForm, textForm } from './exotic'
import { Hidden } from './hidden'
import { masked } from './mask-modes'
import type { PathState } from './mask-path'
import { MASK } from './mask-url'
import type { Masking } from './masking'
import { nameBeside, nameInPair } from './named-value'
import { put } from './put'
import { firstItems, firstMembers, read, unreadable } from './read'
import { later, type Treatment } from './treatment'
import { WalkNotes } from './walk-notes'
import { CIRCULAR, FIXED_FIELDS, type Kind, LIMITS, OWN_NAMES, type WalkOptions } from './walk-options'

export { LIMITS, unreadable }

/** One pass over the values of one event: makes JSON of anything, and remembers what it could not keep. Never throws. */
export class Walk extends WalkNotes {
  readonly secrets: EventSecrets
  readonly #share: boolean
  readonly #masking: Masking | undefined
  readonly #breadth: number
  readonly #ancestors: object[] = []
  #left: number = LIMITS.entries

  constructor({ share = false, masking, secrets = new EventSecrets(), breadth = LIMITS.breadth }: WalkOptions = {}) {
    super()
    this.#breadth = breadth
    this.#share = share
    this.#masking = masking
    this.secrets = secrets
  }

  /** The value as JSON; `path` is where it stands in the event. Undefined is nothing to write. */
  take(path: string, value: unknown, state?: PathState): JsonValue | undefined {
    return this.#entry(path, value, 'plain', state)
  }

  /** What `treatment` makes of a value; undefined takes it as it comes. */
  treat(path: string, value: unknown, treatment: Treatment | undefined, state?: PathState): JsonValue | undefined {
    return treatment === undefined
      ? this.#entry(path, value, 'plain', state)
      : this.#treated(path, value, treatment, state)
  }

  /** The field of this name at `path`, as the rules have it. */
  field(path: string, name: string, value: unknown, holder: PathState | undefined): JsonValue | undefined {
    const state = holder?.step(name)
    return this.treat(`${path}.${name}`, value, later(this.#masking?.name(name).treatment, state?.treatment), state)
  }

  /** A value that is nobody's secret, as JSON. */
  plain(value: unknown): JsonValue | undefined {
    return typeof value === 'string'
      ? value.toWellFormed()
      : typeof value === 'object'
        ? snapshot(value)
        : this.take('', value)
  }

  /** The name of a property: one from a program must stay, or a secret spelled alike would hide what was changed. */
  fieldName(name: string): string {
    const shown = this.#masking?.name(name).shown ?? name
    return this.secrets.known === undefined || /^[A-Za-z_$][\w$.]*$/.test(shown) ? shown : this.secrets.replace(shown)
  }

  /** The sides of a change, which are no steps of a path. */
  change(path: string, change: object, state: PathState | undefined): Change | undefined {
    this.path.push(path)
    const copy: Record<string, JsonValue> = {}
    let sides = 0
    for (const side of Object.keys(change)) {
      const value = read(change, side)
      if (value === undefined) continue
      sides += 1
      const json = this.#entry(side, value, 'plain', state)
      if (json !== undefined) copy[side] = json
    }
    this.path.pop()
    return sides > 0 && Object.keys(copy).length === 0 ? undefined : copy
  }

  #entry(key: string, value: unknown, kind: Kind, state: PathState | undefined): JsonValue | undefined {
    switch (typeof value) {
      case 'string':
        return this.#text(key, value, kind)
      case 'number':
        return Number.isFinite(value) ? this.#number(key, value, kind) : String(value)
      case 'boolean':
      case 'undefined':
        return value
      case 'bigint':
        return this.#text(key, String(value), kind)
      case 'object':
        return value === null ? null : this.#object(key, value, kind, state)
      case 'symbol':
        if (value === unreadable) return this.unread(key)
        return this.#text(key, textForm(value), kind)
      default:
        return this.#text(key, textForm(value as () => unknown), kind)
    }
  }

  #text(key: string, text: string, kind: Kind): string {
    const whole = text.isWellFormed() ? text : text.toWellFormed()
    let safe = whole
    if (this.#masking !== undefined && kind !== 'allowed')
      safe = this.#masking.texts.mask(whole, kind === 'url', this.#onSecret)
    if (this.secrets.known !== undefined) safe = this.#withoutKnown(key, safe)
    if (safe !== whole) this.noteMasked(key)
    return safe
  }

  readonly #onSecret = (raw: string): void => this.secrets.add(raw)

  #withoutKnown(key: string, text: string): string {
    if (!this.#ofRequest) return this.secrets.replace(text)
    if (FIXED_FIELDS.has(key)) return text
    return key === 'url' ? this.secrets.replaceInUrl(text) : this.secrets.replace(text)
  }

  get #ofRequest(): boolean {
    return this.path.length === 1 && this.path[0] === 'request'
  }

  #number(key: string, value: number, kind: Kind): JsonValue {
    // The smallest number that can be that of a card; a time in milliseconds is smaller.
    if (value < 2e12 && this.secrets.known === undefined) return value || 0
    const cards = kind === 'allowed' ? undefined : this.#masking?.cards
    const isCard = cards !== undefined && value >= 2e12 && isCardNumber(String(value))
    if (isCard) return this.#treated(key, value, cards, undefined) ?? MASK
    if (this.secrets.known?.hasNumber(value) !== true) return value || 0
    this.noteMasked(key)
    return MASK
  }

  #object(key: string, value: object, kind: Kind, state: PathState | undefined): JsonValue | undefined {
    if (this.#ancestors.includes(value)) return CIRCULAR
    const depth = this.#ancestors.length
    const length = this.path.length
    if (depth >= LIMITS.depth) return this.truncate(key)
    this.#ancestors.push(value)
    this.path.push(key)
    try {
      const prototype: unknown = Object.getPrototypeOf(value)
      const plain = prototype === Object.prototype || prototype === null || prototype === Array.prototype
      const form = plain ? ownForm(value) : this.#formOf(value)
      if (form !== value) {
        this.path.pop()
        return Hidden.is(value) ? this.#hidden(key, value, state) : this.#entry(key, form, kind, state)
      }
      if (Array.isArray(value)) return this.#list(value, kind, state, Array.isArray(this.#ancestors.at(-2)))
      return this.#record(value as Record<string, unknown>, state)
    } catch {
      // A proxy or a toJSON that throws: said in the event by this text and by the path, which the recorder reports.
      if (this.path.length > length) this.path.pop()
      return this.unread(key)
    } finally {
      this.#ancestors.pop()
      if (this.path.length > length) this.path.pop()
    }
  }

  /** Of an entity, with its own mask: its values may be given as content, too. */
  #formOf(value: object): unknown {
    if (Hidden.is(value)) return undefined
    const form = plainForm(value)
    const maskEntity = this.#masking?.maskEntity
    if (maskEntity === undefined || typeof form !== 'object' || form === null || Array.isArray(form)) return form
    const members = maskEntity(value, form)
    if (members === undefined) return form
    for (const path of members.masked) this.masked.push(`${this.path.join('.')}.${path}`)
    for (const secret of members.secrets) this.secrets.add(secret)
    return members.members
  }

  #hidden(key: string, { value, treatment }: Hidden, state: PathState | undefined): JsonValue | undefined {
    if (treatment.mode === 'allow') return this.#entry(key, value, 'allowed', state)
    return this.#masked(key, value as JsonValue, treatment)
  }

  #list(list: readonly unknown[], kind: Kind, state: PathState | undefined, inList: boolean): JsonValue[] {
    const name = inList ? nameInPair(list) : undefined
    const count = this.#admit(list.length)
    let copy: JsonValue[] | undefined = this.#share && count === list.length ? undefined : []
    for (let index = 0; index < count; index += 1) {
      const item = read(list, index)
      const place = state?.item(index)
      const treatment = later(index === 1 ? this.#named(name) : undefined, place?.treatment)
      const json =
        treatment === undefined
          ? this.#entry(String(index), item, kind, place)
          : this.#treated(String(index), item, treatment, place)
      if (copy === undefined && json !== item && item !== undefined) copy = firstItems(list, index)
      // What is removed leaves no gap, which would tell of it.
      if (json !== undefined || item === undefined) copy?.push(json ?? null)
    }
    return copy ?? (list as JsonValue[])
  }

  #record(record: Record<string, unknown>, state: PathState | undefined): JsonObject {
    const keys = Object.keys(record)
    const count = this.#admit(keys.length)
    let copy: JsonObject | undefined = this.#share && count === keys.length ? undefined : {}
    for (let index = 0; index < count; index += 1) {
      const key = keys[index] as string
      const item = read(record, key)
      const verdict = this.#masking?.name(key)
      const name = this.#name(key, verdict?.shown)
      const place = state?.step(key)
      const treatment = later(
        verdict?.treatment ?? (key === 'value' ? this.#named(nameBeside(record)) : undefined),
        place?.treatment,
      )
      const json =
        treatment === undefined
          ? this.#entry(name, item, verdict?.url === true ? 'url' : 'plain', place)
          : this.#treated(name, item, treatment, place)
      if (name !== key && name !== key.toWellFormed()) this.noteMasked(name)
      if (copy === undefined && ((json !== item && item !== undefined) || name !== key))
        copy = firstMembers(record, keys, index)
      if (copy !== undefined && json !== undefined) put(copy, Object.hasOwn(copy, name) ? `${name}\ufffd` : name, json)
    }
    return copy ?? (record as JsonObject)
  }

  #named(name: string | undefined): Treatment | undefined {
    return name === undefined ? undefined : this.#masking?.name(name).treatment
  }

  #name(key: string, shown: string | undefined): string {
    const whole = shown ?? (key.isWellFormed() ? key : key.toWellFormed())
    if (this.secrets.known === undefined || (this.#ofRequest && OWN_NAMES.has(key))) return whole
    return this.secrets.replaceInName(whole)
  }

  #treated(key: string, item: unknown, treatment: Treatment, state: PathState | undefined): JsonValue | undefined {
    if (Hidden.is(item) || item === unreadable) return this.#entry(key, item, 'plain', state)
    if (treatment.mode === 'allow') return this.#entry(key, item, 'allowed', state)
    // Whether there is a secret is none: null stays, and so do answers such as `hasPassword: true`, which no rule names.
    const told = item === null || (treatment.order < 0 && typeof item === 'boolean')
    if (item === undefined || (told && treatment.mode !== 'remove')) return item as null | boolean | undefined
    if (item === MASK && treatment.mode !== 'remove') return MASK
    const json = wholeSnapshot(item)
    this.secrets.collect(json)
    this.noteMasked(key)
    return this.#masked(key, json, treatment)
  }

  #masked(key: string, json: JsonValue, treatment: MaskTreatment): JsonValue | undefined {
    const hashKey = this.#masking?.key
    if (treatment.mode === 'hash' && hashKey === undefined) this.unkeyed.push(this.at(key))
    return masked(json, treatment, hashKey)
  }

  /** How many of so many entries may be taken. */
  #admit(count: number): number {
    const admitted = Math.min(count, this.#breadth, this.#left)
    this.#left -= admitted
    if (admitted < count) this.truncated.push(this.path.join('.'))
    return admitted
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

/** The same of what is masked: of long lists, too, every item is to be found in the other fields. */
export function wholeSnapshot(value: unknown): JsonValue {
  return typeof value === 'string'
    ? value.toWellFormed()
    : (new Walk({ breadth: LIMITS.entries }).take('value', value) ?? null)
}
