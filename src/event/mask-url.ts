import { kindOfKey } from './secret-key'

/** What stands where a masked value was. */
export const MASK = '***'

/** Told of each raw value that was masked, so that it can be found again in other fields. */
export type OnSecret = (raw: string) => void

/** What stands in the place of a parameter's value; undefined leaves it. */
export type MaskParameter = (name: string, raw: string, onSecret?: OnSecret) => string | undefined

/** An address inside a longer text. The scheme's length is bounded: unbounded, a long word would take quadratic time. */
const ADDRESS = /[a-z][a-z0-9+.-]{0,30}:\/\/[^\s"'<>\\^`{|}]+/gi
const USERINFO = /^((?:[a-z][a-z0-9+.-]*:)?\/\/)([^/?#]*)@/i
/** Addresses in the parameters of addresses, and in theirs. */
const DEEPEST = 3

/**
 * The URL without its secrets: user and password, and the values of query (or fragment) parameters whose names say that
 * they are secret, also inside of a parameter that is an address itself. Everything else stays exactly as it was
 * written. Never throws.
 *
 * @example
 * maskUrl('/reset?user=7&token=abc') // '/reset?user=7&token=***'
 */
export function maskUrl(url: string, onSecret?: OnSecret, parameter: MaskParameter = byName): string {
  return maskAt(url, onSecret, parameter, DEEPEST)
}

/** The text with every address in it masked as `maskUrl` does. */
export function maskUrls(text: string, onSecret?: OnSecret, parameter?: MaskParameter): string {
  return text.includes('://') ? text.replace(ADDRESS, (url) => maskUrl(url, onSecret, parameter)) : text
}

function maskAt(url: string, onSecret: OnSecret | undefined, parameter: MaskParameter, depth: number): string {
  const open = url.includes('@')
    ? url.replace(USERINFO, (_, start: string, info: string) => hide(start, info, onSecret))
    : url
  const query = queryAt(open)
  if (query === -1) return open
  return open.slice(0, query) + open.slice(query).replace(/([?#&;])([^=&;#?]*)=([^&;#]*)/g, maskOne)

  function maskOne(all: string, before: string, name: string, value: string): string {
    if (value === '' || value === MASK) return all
    const shown = parameter(decode(name), value, onSecret)
    if (shown !== undefined) return `${before}${name}=${shown}`
    // Only what may have parameters or a password in it.
    if (depth === 0 || !/%3d|%40/i.test(value)) return all
    const inner = decode(value)
    const safe = maskAt(
      /[?#]/.test(inner) || inner.includes('://') ? inner : `?${inner}`,
      onSecret,
      parameter,
      depth - 1,
    )
    const whole = /[?#]/.test(inner) || inner.includes('://') ? safe : safe.slice(1)
    return whole === inner ? all : `${before}${name}=${encodeURIComponent(whole)}`
  }
}

/** Where query or fragment begin; -1 without either. */
export function queryAt(url: string): number {
  const query = url.indexOf('?')
  const fragment = url.indexOf('#')
  return query === -1 || (fragment !== -1 && fragment < query) ? fragment : query
}

/** The default, without any rules. */
function byName(name: string, raw: string, onSecret?: OnSecret): string | undefined {
  if (kindOfKey(name) !== 'secret') return undefined
  onSecret?.(raw)
  const decoded = decode(raw)
  if (decoded !== raw) onSecret?.(decoded)
  return MASK
}

function hide(start: string, info: string, onSecret?: OnSecret): string {
  const colon = info.indexOf(':')
  const password = colon === -1 ? '' : info.slice(colon + 1)
  if (password !== '') {
    onSecret?.(password)
    onSecret?.(decode(password))
  }
  return `${start}${MASK}@`
}

/** Percent-encoded or as it stands, which is how its receiver would have to take it. */
export function decode(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
