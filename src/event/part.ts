/**
 * One part of an event that is larger than CloudWatch takes. It travels inside an event document of its own that repeats
 * `v`, `id`, `date` and `action`, so that a query by any of them finds the parts too; `readEvents` joins them again.
 */
export interface EventPart {
  /** From 1. */
  number: number
  total: number
  /** Of the whole event's UTF-8 bytes, in hexadecimal. */
  sha256: string
  /** This part of the event's JSON text; never begins or ends inside a code point. */
  text: string
}

/** What tells a stored part apart from all others; an event that is stored whole has its id alone. */
export function partKey(id: string, part: Pick<EventPart, 'number' | 'total'>): string {
  return `${id}#${part.number}/${part.total}`
}

/** The part in a parsed event document, or undefined when it is a whole event. */
export function partOf(document: Readonly<Record<string, unknown>>): EventPart | undefined {
  const { part } = document
  if (typeof part !== 'object' || part === null) return undefined
  const { number, total, sha256, text } = part as Record<string, unknown>
  if (typeof sha256 !== 'string' || typeof text !== 'string') return undefined
  if (!isCount(number) || !isCount(total) || number > total) return undefined
  return { number, total, sha256, text }
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1
}
