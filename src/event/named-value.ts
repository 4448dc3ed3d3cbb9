import { read } from './read'

/** The name in `['token', value]`, one of a list of such pairs, as entries of maps and headers are. */
export function nameInPair(pair: readonly unknown[]): string | undefined {
  const name = pair.length === 2 ? read(pair, 0) : undefined
  return typeof name === 'string' ? name : undefined
}

/** The name beside `value` in `{ name: 'token', value }`, as forms and lists of headers have it. */
export function nameBeside(record: object): string | undefined {
  for (const sibling of ['name', 'key', 'field']) {
    const name = Object.hasOwn(record, sibling) ? read(record, sibling) : undefined
    if (typeof name === 'string') return name
  }
  return undefined
}
