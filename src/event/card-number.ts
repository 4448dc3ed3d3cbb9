import { MASK } from './mask-url'

/** Of a card number in one run, or in groups as they are printed: 4-4-4-4 and more, American Express 4-6-5, Diners 4-6-4. */
const GAP = '(?:[ .+\\u00a0-]|%20)'
const GROUPS = `\\d{4}${GAP}(?:\\d{4}${GAP}\\d{4}${GAP}\\d{1,4}(?:${GAP}\\d{1,3})?|\\d{6}${GAP}\\d{4,5})`
/** What has digits and is none: the escapes `%20` and `\\u0020` before a number, and UUIDs, with groups as on a card. */
const NONE = '%[0-9a-f]{2}|\\\\u[0-9a-f]{4}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z])'
const CANDIDATE = new RegExp(`(${NONE})|(?<!\\d)(?:${GROUPS})(?!\\d)|\\d{13,}`, 'gi')
/** No text without it holds one. */
const MAYBE = new RegExp(`\\d{13}|\\d{4}${GAP}\\d{4}`, 'i')

/** Of hashes, trace ids and object ids, which may have long runs of digits in them; longer ones are bytes (geometries). */
const HEX_LENGTHS = new Set([16, 24, 32, 40, 48, 56, 64, 96, 128])

/**
 * The text with `mask` for every card number (PAN) in it: 13 to 19 digits, together or in groups as on a card, the first
 * of them 2 to 6 as payment networks have it, with a right check digit (Luhn). Left are what only looks like one: longer
 * runs, the decimals of a number, digits inside a hexadecimal id or a UUID, telephone numbers with their +.
 *
 * @example
 * maskCardNumbers('paid with 4111 1111 1111 1111') // 'paid with ***'
 */
export function maskCardNumbers(text: string, mask: (raw: string) => string = () => MASK): string {
  if (text.length < 13 || !MAYBE.test(text)) return text
  return text.replace(CANDIDATE, (found, none: string | undefined, at: number) => {
    if (none !== undefined) return found
    return isCardNumber(digitsOf(found)) && standsForItself(text, at, found) ? mask(found) : found
  })
}

/** Whether these digits are a card number. */
export function isCardNumber(digits: string): boolean {
  if (digits.length < 13 || digits.length > 19 || !/^[2-6]\d+$/.test(digits) || /^(.)\1+$/.test(digits)) return false
  let sum = 0
  for (let i = 0; i < digits.length; i += 1) {
    const digit = Number(digits[digits.length - 1 - i])
    const twice = digit * 2
    sum += i % 2 === 0 ? digit : twice > 9 ? twice - 9 : twice
  }
  return sum % 10 === 0
}

function digitsOf(text: string): string {
  return text.replaceAll(/%20|\D/g, '')
}

function standsForItself(text: string, at: number, found: string): boolean {
  const before = text.slice(Math.max(0, at - 130), at)
  if (/\d[.,]$/.test(before)) return false
  const phone = /(?:^|[\s"'(:])\+$/.test(before)
  if (phone && found.length <= 14) return false
  const [head = ''] = /[0-9a-z]*$/i.exec(before.replace(/%[0-9a-f]{2}$/i, '')) ?? []
  const [tail = ''] = /^[0-9a-z]*/i.exec(text.slice(at + found.length, at + found.length + 130)) ?? []
  const word = head + found + tail
  const hashLike = HEX_LENGTHS.has(word.length) || (word.length > 40 && word.length % 2 === 0)
  const hexadecimal = hashLike && /^(?:[0-9a-f]+|[0-9A-F]+)$/.test(word) && /[a-f]/i.test(word)
  return !hexadecimal
}
