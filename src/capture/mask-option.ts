import { MASK_MODES, type MaskMode, type MaskTreatment, parseTreatment } from '../../config/mask'
import type { PropertyModes } from '../event/mask'

/** The option `mask` of a decoration: names of properties, or how each is masked; `partial:6` keeps six characters. */
export type MaskOption = readonly string[] | Readonly<Record<string, MaskMode | `partial:${number}`>>

export const MASK_ACCEPTED = `a list of property names, such as ['iban'], or an object of property names and modes, such as { iban: 'hash' } (${MASK_MODES.join(', ')}, partial:6)`

/** The part of a decoration that is about masking. */
export interface DecoratedMask {
  /** The properties that are masked. */
  readonly mask: readonly string[]
  /** How, where it is not just `***`; and which are allowed although their names say secret. */
  readonly maskModes?: PropertyModes
}

/** The option, checked: what is masked, and how where it is not just `***`. Undefined when it cannot be used. */
export function maskOption(given: unknown): DecoratedMask | undefined {
  if (given === undefined) return { mask: [] }
  if (typeof given !== 'object' || given === null) return undefined
  const entries: [unknown, unknown][] = Array.isArray(given)
    ? given.map((name) => [name, 'redact'])
    : Object.entries(given)
  const modes = new Map<string, MaskTreatment>()
  for (const [name, mode] of entries) {
    const treatment = parseTreatment(mode)
    if (typeof name !== 'string' || name.trim() === '' || treatment === undefined) return undefined
    modes.set(name, treatment)
  }
  if (modes.size === 0) return undefined
  const mask = [...modes].filter(([, { mode }]) => mode !== 'allow').map(([name]) => name)
  const others = new Map([...modes].filter(([, { mode }]) => mode !== 'redact'))
  return { mask: Object.freeze(mask), ...(others.size > 0 && { maskModes: others }) }
}

/** Of several classes in one table: what they do not agree on is `***`, and allowed is what all of them allow. */
export function uniteMasks(all: readonly DecoratedMask[]): DecoratedMask {
  const mask = [...new Set(all.flatMap((one) => one.mask))]
  const modes = new Map<string, MaskTreatment>()
  for (const [name, treatment] of all.flatMap((one) => [...(one.maskModes ?? [])])) {
    const concerned = treatment.mode === 'allow' ? all : all.filter((one) => one.mask.includes(name))
    const agreed = concerned.every(({ maskModes }) => {
      const other = maskModes?.get(name)
      return other?.mode === treatment.mode && other.keep === treatment.keep
    })
    if (agreed) modes.set(name, treatment)
  }
  return { mask, ...(modes.size > 0 && { maskModes: modes }) }
}
