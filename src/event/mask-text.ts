import type { JsonValue } from './event'
import { MASK } from './mask-url'

/** Shorter ones are only replaced where they stand alone: masking every `1` of a text would leave nothing of it. */
const SHORT = 4
const MOST_SECRETS = 200

/** The texts of a masked value, leaves of lists and objects included. True and false say nothing, so they stay out. */
export function collectSecrets(value: JsonValue, secrets: Set<string>): void {
  if (secrets.size >= MOST_SECRETS || value === null || typeof value === 'boolean') return
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
  return masker(secrets)(text)
}

/** `maskText` prepared once for many texts. */
export function masker(secrets: Iterable<string>): (text: string) => string {
  const patterns = new Set<string>()
  for (const secret of secrets) for (const form of formsOf(secret)) patterns.add(pattern(form))
  if (patterns.size === 0) return (text) => text
  // Longest first, so that a secret contained in another does not leave the other's rest behind.
  const longestFirst = [...patterns].sort((a, b) => b.length - a.length)
  const expression = new RegExp(longestFirst.join('|'), 'gu')
  return (text) => text.replace(expression, MASK)
}

function formsOf(secret: string): string[] {
  const text = secret.toWellFormed()
  if (text.trim() === '' || text === MASK) return []
  const encoded = encodeURIComponent(text)
  const lower = encoded.replace(/%../g, (code) => code.toLowerCase())
  const form = new URLSearchParams({ v: text }).toString().slice(2)
  return [text, encoded, lower, form, JSON.stringify(text).slice(1, -1)]
}

function pattern(secret: string): string {
  const literal = secret.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  if (secret.length >= SHORT) return literal
  return `(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`
}
