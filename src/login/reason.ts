import { member } from '../event/copy-own'
import { maskText } from '../event/mask'
import { problemOf } from '../report'

/** Words that reasons are made of. Guessed as passwords they are no secrets, and masking them would garble the reason. */
const PLAIN_WORD =
  /^(user|username|name|password|login|account|e-?mail|incorrect|invalid|wrong|unknown|missing|bad|credentials?|token)$/i

/** A challenge for the WWW-Authenticate header: it tells how to log in, not why somebody could not. */
const CHALLENGE = /^[A-Za-z][\w-]*( +realm=("[^"]*"|[^\s,]*))?$/

/** What a strategy gave as the reason: a text, or an object (also an Error) with a `message`. */
export function reasonOf(info: unknown): string | undefined {
  const text = typeof info === 'string' ? info : member(info, 'message')
  return typeof text === 'string' && text.trim() !== '' ? text : undefined
}

/** Of something thrown, in words. */
export function reasonOfError(error: unknown): string {
  return problemOf(error)
}

/** Whether the strategy said no more than that it found nothing to look at. */
export function asksForCredentials(info: unknown): boolean {
  if (typeof info === 'string') return CHALLENGE.test(info)
  // That of passport-jwt.
  return reasonOf(info) === 'No auth token'
}

/** The reason without the passwords of the attempt: a strategy may have put them there. */
export function safeReason(reason: string | undefined, secrets: readonly string[]): string | undefined {
  if (reason === undefined) return undefined
  return maskText(
    reason,
    secrets.filter((secret) => !PLAIN_WORD.test(secret)),
  )
}
