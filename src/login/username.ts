import { keyedHash } from '../event/keyed-hash'
import { maskText } from '../event/mask'
import { MASK } from '../event/mask-url'

/**
 * How a name that was tried in vain is shown. People type their password where the name belongs, and then every failed
 * attempt would put a password on record.
 *
 * - `cautious`: as it is, unless it contains the password of the same attempt or looks like a password
 * - `plain`: as it is, unless it contains the password of the same attempt
 * - `hash`: a keyed hash, always: equal names can be compared, and nobody can read them
 * - `mask`: `***`, always
 * - a function: what it returns
 */
export type UsernamePolicy = 'cautious' | 'plain' | 'hash' | 'mask' | ((username: string) => string | undefined)

/** More of a name is not needed to tell it, and a guesser must not fill the log with it. */
const LONGEST = 256

/** The name as an event may show it. `secrets` are the passwords of the same attempt. */
export function shownUsername(
  username: string,
  secrets: readonly string[],
  policy: UsernamePolicy,
  key: string | undefined,
): string | undefined {
  if (typeof policy === 'function') return policy(username)
  if (policy === 'mask') return MASK
  if (policy === 'hash') return key === undefined ? MASK : keyedHash(username, key)
  // Of the beginning only: the longer the text, the more these patterns cost, and a guesser decides how long it is.
  if (policy === 'cautious' && looksLikePassword(username.slice(0, LONGEST))) return MASK
  const shown = maskText(username, secrets)
  return shown.length > LONGEST ? `${shown.slice(0, LONGEST).toWellFormed()}…` : shown
}

/**
 * Mixed as passwords are, or of several words as passphrases are. Names of people, e-mail addresses, host and domain
 * accounts (`ACME\ann`), telephone numbers and UUIDs are not.
 */
export function looksLikePassword(text: string): boolean {
  if (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text) || /^[0-9a-f-]{32,36}$/i.test(text)) return false
  // A computer's account in a Windows domain.
  if (/^[\p{Lu}\p{N}-]+\$$/u.test(text)) return false
  if (text.length >= 16 && text.trim().split(/\s+/).length >= 4) return true
  if (text.length < 8 || /\s/.test(text)) return false
  const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\p{N}/u, /[^\p{L}\p{M}\p{N}._@\\/+:'-]/u].map((kind) => kind.test(text))
  const [lower, upper, digit, symbol] = kinds
  const letter = lower || upper
  return Boolean(symbol ? letter || digit : lower && upper && digit && !/^\p{L}+\p{N}+$/u.test(text))
}
