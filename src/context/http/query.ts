import { put } from '../../event/put'

/** The parameters of an address, for frameworks that do not parse them; one that comes twice is a list. */
export function queryOf(url: string | undefined): Record<string, unknown> {
  const query: Record<string, unknown> = {}
  const start = url?.indexOf('?') ?? -1
  if (url === undefined || start === -1) return query
  for (const [name, value] of new URLSearchParams(url.slice(start + 1))) {
    const known = Object.hasOwn(query, name) ? query[name] : undefined
    put(query, name, known === undefined ? value : Array.isArray(known) ? [...known, value] : [known, value])
  }
  return query
}
