import type { JsonValue } from './event'
import { MASK } from './mask-url'

/** Shorter ones are only replaced where they stand alone: masking every `1` of a text would leave nothing of it. */
const SHORT = 4
/** So many are looked for one by one, which is fastest; more by their beginnings. */
const FEW = 32

/** The texts of a masked value, leaves of lists and objects included. True and false say nothing, so they stay out. */
export function collectSecrets(value: JsonValue, secrets: Set<string>): void {
  if (value === null || typeof value === 'boolean') return
  if (typeof value === 'object') {
    for (const part of Object.values(value)) collectSecrets(part, secrets)
  } else if (String(value).trim() !== '') {
    secrets.add(String(value))
  }
}

/**
 * The text without the raw secrets, also where they stand URL-encoded or inside quoted JSON.
 *
 * @example
 * maskText('card 4111111111111111 declined', ['4111111111111111']) // 'card *** declined'
 */
export function maskText(text: string, secrets: Iterable<string>): string {
  return new KnownSecrets(secrets).replace(text)
}

/** The raw values of an event that are masked, to be found wherever else they stand in it. */
export class KnownSecrets {
  readonly #forms: readonly string[]
  #index: Index | undefined
  #values: ReadonlySet<string> | undefined
  readonly #raw: Iterable<string>

  constructor(secrets: Iterable<string>) {
    this.#raw = secrets
    const forms = new Set<string>()
    for (const secret of secrets) addForms(secret, forms)
    this.#forms = [...forms]
  }

  get isEmpty(): boolean {
    return this.#forms.length === 0
  }

  /**
   * Whether one of them may stand in this JSON text. Every text of an event is quoted in its line, so that the line has
   * a secret as it is, or with its quotes and line feeds escaped.
   */
  mayBeIn(line: string): boolean {
    // More are seldom, and what is looked for in vain costs only time.
    if (this.#forms.length > FEW) return true
    return this.#forms.some((form) => line.includes(isPlain(form) ? form : JSON.stringify(form).slice(1, -1)))
  }

  /** Whether a number is one of them; short ones only as texts, or every 7 of an event would go with a PIN of 7. */
  hasNumber(value: number | bigint): boolean {
    const text = String(value)
    if (text.length < SHORT) return false
    this.#values ??= new Set(this.#raw)
    return this.#values.has(text)
  }

  /** The text without them. */
  replace(text: string): string {
    if (this.#forms.length <= FEW && !this.#forms.some((form) => text.includes(form))) return text
    return this.#replaceFound(text)
  }

  /** A name without them, but for short ones: `x` is more often a name than a secret. */
  replaceInName(name: string): string {
    return name.length < SHORT ? name : this.replace(name)
  }

  /** Where secrets overlap, all that any of them covers is replaced, so that no rest of one is left behind another. */
  #replaceFound(text: string): string {
    this.#index ??= byBeginning(this.#forms)
    let result = ''
    let done = 0
    let from = -1
    let until = 0
    for (let at = 0; at < text.length; at += 1) {
      const end = this.#endOfLongest(text, at)
      if (end === 0) continue
      if (from !== -1 && at < until) {
        until = Math.max(until, end)
        continue
      }
      if (from !== -1) result += text.slice(done, from) + MASK
      done = until
      from = at
      until = end
    }
    return from === -1 ? text : result + text.slice(done, from) + MASK + text.slice(until)
  }

  #endOfLongest(text: string, at: number): number {
    const index = this.#index as Index
    const long = index.get(text.slice(at, at + SHORT))
    for (const length of long?.lengths ?? []) {
      if (long?.forms.has(text.slice(at, at + length))) return at + length
    }
    for (let length = SHORT - 1; length > 0; length -= 1) {
      const short = text.slice(at, at + length)
      if (short.length === length && index.has(short) && standsAlone(text, at, at + length)) return at + length
    }
    return 0
  }
}

/** By their first characters; short ones are whole. By length then, because very many may begin alike. */
type Index = Map<string, { forms: Set<string>; lengths: number[] }>

function byBeginning(forms: readonly string[]): Index {
  const index: Index = new Map()
  for (const form of forms.toSorted((a, b) => b.length - a.length)) {
    const beginning = form.slice(0, SHORT)
    const alike = index.get(beginning) ?? { forms: new Set(), lengths: [] }
    index.set(beginning, alike)
    alike.forms.add(form)
    if (form.length >= SHORT && alike.lengths.at(-1) !== form.length) alike.lengths.push(form.length)
  }
  return index
}

function standsAlone(text: string, from: number, to: number): boolean {
  return !isWordAt(text, from - 1) && !isWordAt(text, to)
}

/** Both halves of a letter beyond the first 65,536 count as one. */
function isWordAt(text: string, at: number): boolean {
  const character = text[at]
  return character !== undefined && /[\p{L}\p{N}\ud800-\udfff]/u.test(character)
}

/** As it is, URL-encoded (in both cases, and as forms do it) and as JSON quotes it. */
function addForms(secret: string, forms: Set<string>): void {
  const text = secret.toWellFormed()
  if (text.trim() === '' || text === MASK) return
  forms.add(text)
  if (isPlain(text)) return
  const encoded = encodeURIComponent(text)
  forms.add(encoded)
  forms.add(encoded.replace(/%../g, (code) => code.toLowerCase()))
  forms.add(new URLSearchParams({ v: text }).toString().slice(2))
  forms.add(JSON.stringify(text).slice(1, -1))
}

/** The same in every form. */
function isPlain(text: string): boolean {
  return /^[\w.-]*$/.test(text)
}
