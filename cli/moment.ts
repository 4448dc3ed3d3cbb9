const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const
const AGO = /^(\d{1,9}(?:\.\d{1,9})?)([smhdw])$/
const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/

/**
 * A moment as a person types it: ISO 8601 (a date alone is its beginning in UTC, a time without a zone is this
 * machine's), or how long before `now` it was.
 *
 * @returns ms since 1970; undefined when it is neither
 * @example
 * parseMoment('2026-11-20T10:00:00Z', now)
 * parseMoment('2h', now) // two hours before now
 */
export function parseMoment(text: string, now: number): number | undefined {
  const [, amount, unit] = AGO.exec(text) ?? []
  if (amount !== undefined && unit !== undefined) return now - Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS]
  const time = ISO.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(time) ? undefined : time
}
