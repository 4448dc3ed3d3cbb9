import { kindOfKey } from './secret-key'

/** What stands where a masked value was. */
export const MASK = '***'

/** Told of each raw value that was masked, so that it can be found again in other fields. */
export type OnSecret = (raw: string) => void

/** An address inside a longer text. The scheme's length is bounded: unbounded, a long word would take quadratic time. */
const ADDRESS = /[a-z][a-z0-9+.-]{0,30}:\/\/[^\s"'<>\\^`{|}]+/gi
const USERINFO = /^((?:[a-z][a-z0-9+.-]*:)?\/\/)([^/?#]*)@/i

/**
 * The URL without its secrets: user and password, and the values of query (or fragment) parameters whose names say that
 * they are secret. Everything else stays exactly as it was written. Never throws.
 *
 * @example
 * maskUrl('/reset?user=7&token=abc') // '/reset?user=7&token=***'
 */
export function maskUrl(url: string, onSecret?: OnSecret): string {
  const open = url.includes('@')
    ? url.replace(USERINFO, (_, start: string, info: string) => hide(start, info, onSecret))
    : url
  const query = open.search(/[?#]/)
  if (query === -1) return open
  return open.slice(0, query) + open.slice(query).replace(/([?#&;])([^=&;#?]*)=([^&;#]*)/g, maskParameter)

  function maskParameter(all: string, before: string, name: string, value: string): string {
    if (value === '' || kindOfKey(decode(name)) !== 'secret') return all
    onSecret?.(value)
    const decoded = decode(value)
    if (decoded !== value) onSecret?.(decoded)
    return `${before}${name}=${MASK}`
  }
}

/** The text with every address in it masked as `maskUrl` does. */
export function maskUrls(text: string, onSecret?: OnSecret): string {
  return text.includes('://') ? text.replace(ADDRESS, (url) => maskUrl(url, onSecret)) : text
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

function decode(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    // Not percent-encoded after all: taken as it stands, which is how its receiver would have to take it.
    return text
  }
}
