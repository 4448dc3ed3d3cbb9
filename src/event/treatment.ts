import type { MaskTreatment } from '../../config/mask'

/** What a rule says is to be done with a value. */
export interface Treatment extends MaskTreatment {
  /** Of several that match, the highest counts: defaults have -1, rules their place in the list. */
  readonly order: number
}

/** What becomes of values under a name that says secret, unless a rule says otherwise. */
export const DEFAULT_TREATMENT: Treatment = Object.freeze({ mode: 'redact', keep: 4, order: -1 })

/** The one that counts. */
export function later(one: Treatment | undefined, other: Treatment | undefined): Treatment | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return other.order >= one.order ? other : one
}
