/** What a property's name says about its value. */
export type KeyKind = 'plain' | 'secret' | 'url'

/** Found anywhere in a name, so that `newPassword`, `password_hash` and `user[password]` count too. */
const SECRET_ANYWHERE =
  /passw(or)?d|passphrase|secret(?!ar)|credential|privatekey|apikey|accesskey|secretkey|authorization|cookie|cardnumber|creditcard|connectionstring/
/** Only at the end: `accessToken` is one, `tokenCount` is not. */
const SECRET_AT_END = /(token|jwt|pwd|bearer|otp|cvv|cvc|cvv2|iban|ssn|sessionid|signature)$/
const SECRET_WHOLE = new Set(['pass', 'pin', 'pan', 'sid', 'salt', 'sig'])
const URL_AT_END = /(url|uri|href|referer|referrer)$/

/** Names repeat from event to event, so each is looked at once; bounded, because names may come from outside. */
const known = new Map<string, KeyKind>()
const MOST_KNOWN = 5_000

/** Whether values under this name are secret (never written), addresses (may contain secrets), or neither. */
export function kindOfKey(key: string): KeyKind {
  const kind = known.get(key)
  if (kind !== undefined) return kind
  if (known.size >= MOST_KNOWN) known.clear()
  const judged = judge(key)
  known.set(key, judged)
  return judged
}

function judge(key: string): KeyKind {
  // A name this long is data in the place of a name; its end still tells, and the regular expressions stay cheap.
  const name = key
    .slice(-200)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '')
  if (SECRET_WHOLE.has(name) || SECRET_ANYWHERE.test(name) || SECRET_AT_END.test(name)) return 'secret'
  return URL_AT_END.test(name) ? 'url' : 'plain'
}
