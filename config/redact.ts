import { parseUrl } from './url'

const HIDDEN = '***'
const SHOWN_CHARACTERS = 80

/**
 * A Redis or HTTP URL (or socket path) as it may be logged: without user, password and query.
 *
 * @example
 * redactUrl('redis://app:hunter2@cache:6379/1') // 'redis://***@cache:6379/1'
 */
export function redactUrl(url: string): string {
  if (/^\/[^/]/.test(url)) return withoutQuery(url)
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(url)?.[0]
  if (scheme === undefined) return HIDDEN
  const parsed = parseUrl(url)
  // An @ behind the host means that an unencoded / ? or # of the password was taken for the end of the host, so that
  // every part of what was parsed may be a piece of the password.
  if (!parsed || `${parsed.pathname}${parsed.search}${parsed.hash}`.includes('@')) return `${scheme}${HIDDEN}`
  const user = parsed.username || parsed.password ? `${HIDDEN}@` : ''
  const query = parsed.search || parsed.hash ? `?${HIDDEN}` : ''
  return `${parsed.protocol}//${user}${parsed.host}${parsed.pathname}${query}`
}

/** What was given for a setting, short enough for a message and on one line. */
export function showGiven(value: unknown, secret?: 'hidden' | 'url'): string {
  if (value === undefined) return 'nothing'
  if (secret === 'hidden') return HIDDEN
  return cut(show(value, secret === 'url'))
}

function show(value: unknown, isUrl: boolean): string {
  switch (typeof value) {
    case 'string':
      // A URL in the wrong variable still holds its password.
      return JSON.stringify(isUrl || value.includes('://') ? redactUrl(value) : value.slice(0, SHOWN_CHARACTERS * 2))
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value)
    case 'function':
      return 'a function'
    case 'object':
      if (value === null) return 'null'
      if (!Array.isArray(value)) return 'an object'
      if (isUrl) return 'an array'
      return `[${value
        .slice(0, SHOWN_CHARACTERS)
        .map((item: unknown) => (Array.isArray(item) ? 'an array' : show(item, false)))
        .join(', ')}]`
    default:
      return `a ${typeof value}`
  }
}

/** Cuts a text of any size between characters, and says that it did. */
export function cut(text: string): string {
  if (text.length <= SHOWN_CHARACTERS) return text
  return `${text
    .slice(0, SHOWN_CHARACTERS)
    .toWellFormed()
    .replace(/\uFFFD$/, '')}… (cut)`
}

function withoutQuery(path: string): string {
  const query = path.indexOf('?')
  return query === -1 ? path : `${path.slice(0, query)}?${HIDDEN}`
}
