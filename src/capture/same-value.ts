import { isDeepStrictEqual } from 'node:util'
import { isNumeric, type Property } from './properties'

/**
 * Whether the two are one value: TypeORM calls a column changed when `'1.00'` was read and `1` given, and writes what
 * stands there already.
 */
export function sameValue({ columns: [column] }: Property, from: unknown, to: unknown): boolean {
  if (Object.is(from, to)) return true
  if (from === null || to === null || from === undefined || to === undefined) return false
  if (from instanceof Date && to instanceof Date) return from.getTime() === to.getTime()
  if (from instanceof Uint8Array && to instanceof Uint8Array) return Buffer.compare(from, to) === 0
  if (typeof from === 'object' || typeof to === 'object') return deepEqual(from, to)
  if (typeof from === typeof to && typeof from !== 'string') return from === to
  if (column === undefined || !isNumeric(column)) return String(from) === String(to)
  return canonical(String(from)) === canonical(String(to))
}

/** JSON columns come back as plain objects, whatever class was stored. */
function deepEqual(from: unknown, to: unknown): boolean {
  try {
    return isDeepStrictEqual(from, to)
  } catch {
    // A getter or proxy of the application's throws: unequal, so that the change is recorded.
    return false
  }
}

/** A plain decimal without needless zeros; any other text as it is. */
function canonical(text: string): string {
  const parts = /^\s*([+-]?)0*(\d+)(?:\.(\d*?)0*)?\s*$/.exec(text)
  if (parts === null) return text
  const [, sign, whole, decimals = ''] = parts
  const digits = decimals === '' ? `${whole}` : `${whole}.${decimals}`
  return sign === '-' && /[1-9]/.test(digits) ? `-${digits}` : digits
}
