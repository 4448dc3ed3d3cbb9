import type { MaskTreatment } from '../../config/mask'
import type { JsonValue } from './event'
import { keyedHash } from './keyed-hash'
import { MASK } from './mask-url'

/**
 * What stands in the place of a masked value; undefined for nothing at all. A hash without a key is `***`.
 *
 * @example
 * masked('4111111111111111', { mode: 'partial', keep: 4 }) // '***1111'
 */
export function masked(
  value: JsonValue,
  { mode, keep }: MaskTreatment,
  key: string | undefined,
): JsonValue | undefined {
  if (mode === 'remove') return undefined
  if (mode === 'allow') return value
  // What capture has masked already stays as it is: its hash would be that of three stars.
  if (value === MASK) return MASK
  if (mode === 'hash') return key === undefined ? MASK : keyedHash(value, key)
  return mode === 'partial' ? partOf(value, keep) : MASK
}

/** Never more than a third of it, so that short values are wholly masked; of lists and objects nothing is kept. */
function partOf(value: JsonValue, keep: number): string {
  if (typeof value !== 'string' && typeof value !== 'number') return MASK
  const text = String(value)
  // An actor that travels with a job is masked once.
  if (text.startsWith(MASK) && text.length <= MASK.length + keep) return text
  // More than enough for the end, and for telling whether it is short: texts may be long.
  const characters = [...text.slice(-8 * keep)]
  return characters.length < 3 * keep ? MASK : `${MASK}${characters.slice(-keep).join('')}`
}
