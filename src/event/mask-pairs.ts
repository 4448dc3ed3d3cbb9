import type { OnSecret } from './mask-url'

/** What is asked about each `name=value` and `"name": "value"`. */
export interface PairMask {
  /** Whether values under this name are masked. */
  hides(name: string): boolean
  /** What stands in the value's place. */
  shown(name: string, value: string, onSecret: OnSecret): string
}

const LONGEST_NAME = 100
const QUOTE = /["'`]/
const ENDS_VALUE = /[&;#\s"'<>]/
/** Headers as they stand in a message; after other names and a colon comes prose as often as not. */
const HEADER = /authorization|cookie|api-?key$/i

/**
 * The text with the values of pairs replaced: parameters, form bodies and settings (`token=abc`), JSON, also quoted
 * inside of JSON, and what `console.log` makes of objects (`"pin": 12`, `password: 'x'`), headers (`Cookie: …`). Looks
 * at each character a bounded number of times, whatever the text.
 */
export function maskPairs(text: string, mask: PairMask, onSecret: OnSecret): string {
  let result = ''
  let done = 0
  // Each is looked for once only: looking for both anew at every sign takes quadratic time where one is absent.
  let equals = text.indexOf('=')
  let colon = text.indexOf(':')
  while (equals !== -1 || colon !== -1) {
    const at = colon === -1 || (equals !== -1 && equals < colon) ? equals : colon
    if (at === equals) equals = text.indexOf('=', at + 1)
    else colon = text.indexOf(':', at + 1)
    if (at < done || !mayBePair(text, at)) continue
    const name = nameBefore(text, at, done)
    if (name === undefined || !mayHaveValue(text, at, name) || !mask.hides(name.text)) continue
    const value = text[at] === '=' ? afterEquals(text, at) : afterColon(text, at, name)
    if (value === undefined || value.from >= value.to) continue
    const raw = text.slice(value.from, value.to)
    if (/^(?:true|false|null|undefined|\*\*\*)$/.test(raw)) continue
    result += text.slice(done, value.from) + mask.shown(name.text, raw, onSecret)
    done = value.to
  }
  return done === 0 ? text : result + text.slice(done)
}

/** Most signs are none of a pair (times, `==`, prose), and asking what a name says costs more than looking. */
function mayBePair(text: string, sign: number): boolean {
  const before = text.charCodeAt(sign - 1)
  const after = text.charCodeAt(sign + 1)
  // Nothing on either side, or `::`, `==`, `=>`, `://`.
  if (Number.isNaN(before) || Number.isNaN(after) || after === 0x2f || after === 0x3d || after === 0x3a) return false
  return after !== 0x3e && before !== 0x3d && before !== 0x3a
}

interface Name {
  text: string
  quoted: boolean
}

/** After a colon, only what is in quotes, or follows a quoted name or one of a header, is a value. */
function mayHaveValue(text: string, sign: number, name: Name): boolean {
  if (/^\d/.test(name.text)) return false
  if (text[sign] === '=' || name.quoted || HEADER.test(name.text)) return true
  const next = text[skipSpaces(text, sign + 1)]
  return next !== undefined && (next === '\\' || QUOTE.test(next))
}

interface Range {
  from: number
  to: number
}

/** The name that ends here, in quotes (escaped ones, too) or not. */
function nameBefore(text: string, sign: number, least: number): Name | undefined {
  let end = sign
  while (end > least && sign - end < 3 && text[end - 1] === ' ') end -= 1
  const quoted = end > least && QUOTE.test(text[end - 1] as string)
  if (quoted) {
    const quote = text[end - 1]
    end -= 1
    while (end > least && text[end - 1] === '\\') end -= 1
    let from = end
    while (from > least && end - from < LONGEST_NAME && text[from - 1] !== quote) from -= 1
    return from > least && text[from - 1] === quote ? { text: text.slice(from, end), quoted } : undefined
  }
  let from = end
  while (from > least && end - from < LONGEST_NAME && isNameAt(text, from - 1)) from -= 1
  return from === end ? undefined : { text: text.slice(from, end), quoted }
}

/** Letters, digits and `_ . $ [ ] % -`; anything beyond ASCII counts as a letter. */
function isNameAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  if (code > 0x7f || (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a)) return true
  if (code >= 0x2d && code <= 0x39) return code !== 0x2f
  return code === 0x5f || code === 0x24 || code === 0x25 || code === 0x5b || code === 0x5d
}

function afterEquals(text: string, sign: number): Range | undefined {
  const from = skipSpaces(text, sign + 1)
  const inQuotes = quotedAt(text, from)
  if (inQuotes !== undefined) return inQuotes
  let to = from
  while (to < text.length && !ENDS_VALUE.test(text[to] as string) && !endsInList(text, to)) to += 1
  return { from, to }
}

/** `a=1, b=2`: the comma ends a value only where another pair follows, or a secret could hide its rest behind one. */
function endsInList(text: string, at: number): boolean {
  if (text[at] !== ',') return false
  return /^,(?:\s|$|[\w.-]{1,40}=)/.test(text.slice(at, at + 42))
}

function afterColon(text: string, sign: number, name: Name): Range | undefined {
  const from = skipSpaces(text, sign + 1)
  const inQuotes = quotedAt(text, from)
  if (inQuotes !== undefined) return inQuotes
  if (name.quoted) return { from, to: /[{[]/.test(text[from] ?? '') ? closing(text, from) : literalEnd(text, from) }
  if (!HEADER.test(name.text)) return undefined
  const to = text.slice(from, from + 10_000).search(/[\r\n]|\\[rn]/)
  return { from, to: to === -1 ? text.length : from + to }
}

function skipSpaces(text: string, from: number): number {
  let at = from
  while (at - from < 3 && (text[at] === ' ' || text[at] === '\t')) at += 1
  return at
}

/** What stands in quotes from here on, to the quote that is escaped as often as the first; else to the end. */
function quotedAt(text: string, from: number): Range | undefined {
  let open = from
  while (text[open] === '\\') open += 1
  const quote = text[open]
  if (quote === undefined || !QUOTE.test(quote)) return undefined
  const escapes = open - from
  for (let at = text.indexOf(quote, open + 1); at !== -1; at = text.indexOf(quote, at + 1)) {
    let before = at
    while (before > open + 1 && text[before - 1] === '\\') before -= 1
    // Two backslashes are one that is escaped, and the quote behind them ends the text.
    if (at - before <= escapes || (escapes === 0 && (at - before) % 2 === 0)) {
      return { from: open + 1, to: escapes === 0 ? at : Math.max(before, at - escapes) }
    }
  }
  return { from: open + 1, to: text.length }
}

function literalEnd(text: string, from: number): number {
  let to = from
  while (to < text.length && !/[,}\]\s]/.test(text[to] as string)) to += 1
  return to
}

/** Behind the bracket that closes the one here; brackets inside of quotes do not count. */
function closing(text: string, from: number): number {
  let depth = 0
  for (let at = from; at < text.length; at += 1) {
    const character = text[at] as string
    if (character === '{' || character === '[') depth += 1
    else if (character === '}' || character === ']') depth -= 1
    else if (character === '\\' || QUOTE.test(character)) {
      const inQuotes = quotedAt(text, at)
      // The quote that ended it, with as many backslashes before it as the first had.
      if (inQuotes !== undefined) at = inQuotes.to + (inQuotes.from - at) - 1
    }
    if (depth === 0) return at + 1
  }
  return text.length
}
