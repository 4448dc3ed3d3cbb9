import type { Portion, Unsent } from './portion'

/** Where in the rest of a batch others are tried, from 0 for its first event to 1 for its newest. */
const PLACES = [1, 0.5, 0.25, 0.75, 0]

/** One entry to be tried before all others, and the work without it; undefined when enough were tried. */
export function pickProbe(
  work: readonly Portion[],
  probes: number,
): { readonly probe: Unsent; readonly rest: Portion[] } | undefined {
  const last = work.findLast((portion) => portion.state === 'unsent' && portion.entries.length > 0)
  const place = PLACES[probes]
  if (last?.state !== 'unsent' || place === undefined) return undefined
  const at = Math.round((last.entries.length - 1) * place)
  const others: Unsent = { state: 'unsent', entries: last.entries.filter((_, i) => i !== at) }
  return {
    probe: { state: 'unsent', entries: last.entries.slice(at, at + 1) },
    rest: work.map((portion) => (portion === last ? others : portion)),
  }
}
