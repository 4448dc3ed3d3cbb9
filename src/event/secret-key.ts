/** What a name says about its value. */
export type KeyKind = 'plain' | 'secret' | 'url'

/** Found anywhere in a name, so that `newPassword`, `password_hash` and `user[password]` count too. */
const SECRET_ANYWHERE =
  /passw(or)?d|passphrase|passcode|secret(?!ar)|credential|privatekey|apikey|accesskey|secretkey|signingkey|encryptionkey|authorization|cookie|cardnumber|creditcard|debitcard|cardno$|ccnumber|connectionstring|securitycode/
/** Only at the end: `accessToken` is one, `tokenCount` is not. */
const SECRET_AT_END = /(token|jwt|pwd|bearer|otp|cvv|cvc|cvv2|cvc2|csc|iban|ssn|sessionid|signature)$/
const SECRET_WHOLE = new Set(['pass', 'pin', 'pan', 'sid', 'salt', 'sig', 'ccnum', 'xauth'])
const URL_AT_END = /(url|uri|href|referer|referrer|location)$/

/** What a name says by itself, with no rules of the settings. */
export function judgeName(key: string): KeyKind {
  const name = plainName(key)
  if (SECRET_WHOLE.has(name) || SECRET_ANYWHERE.test(name) || SECRET_AT_END.test(name)) return 'secret'
  return URL_AT_END.test(name) ? 'url' : 'plain'
}

/**
 * The name without case and punctuation: `X-Api-Key`, `api_key` and `apiKey` are one name in a rule. A name this long is
 * data in the place of a name; its end still tells, and the regular expressions stay cheap.
 */
export function plainName(key: string): string {
  const end = key.slice(-200).toLowerCase()
  return end.replace(/[^\p{L}\p{N}]/gu, '') || end
}

/** Names repeat from event to event, so each is looked at once; bounded, because names may come from outside. */
const known = new Map<string, KeyKind>()
const MOST_KNOWN = 5_000

/** `judgeName`, remembered. */
export function kindOfKey(key: string): KeyKind {
  const kind = known.get(key)
  if (kind !== undefined) return kind
  if (known.size >= MOST_KNOWN) known.clear()
  const judged = judgeName(key)
  known.set(key, judged)
  return judged
}

/** The names in `card.number`, `card[number]` and `card[][number]`. */
export function partsOf(name: string): string[] {
  return /[.[]/.test(name) ? name.split(/[.[\]]+/).filter((part) => part !== '') : [name]
}
