import type { DataSource } from 'typeorm'
import { KEPT, type MaskTreatment } from '../../config/mask'
import { knownEntity } from '../context/entity'
import { maskMembers, type PropertyModes } from '../event/mask'
import type { MaskEntity } from '../event/masking'
import { PLAIN } from './decoration'
import { decorationOf } from './decorator'
import { masksOf } from './masked'

const REDACT: MaskTreatment = { mode: 'redact', keep: KEPT }

interface Known {
  readonly modes: PropertyModes
  /** Of how many data sources it was asked; one more may know the class. */
  readonly sources: number
}

/** Masks entities that are given as content, as their changes are: by their decoration and `select: false`. */
export function entityMasks(dataSources: () => Iterable<DataSource>): MaskEntity {
  const known = new WeakMap<object, Known>()
  const modesOf = (entity: object): PropertyModes => {
    const { constructor: target } = entity
    if (typeof target !== 'function') return new Map()
    const ready = [...dataSources()].filter((one) => one.isInitialized)
    const before = known.get(target)
    if (before !== undefined && before.sources === ready.length) return before.modes
    const modes = readModes(entity, target, ready)
    known.set(target, { modes, sources: ready.length })
    return modes
  }
  return (entity, form) => {
    const modes = modesOf(entity)
    return modes.size === 0 ? undefined : maskMembers(form, modes)
  }
}

function readModes(entity: object, target: object, dataSources: readonly DataSource[]): PropertyModes {
  const metadata = knownEntity(entity, dataSources)?.metadata
  const decoration = decorationOf(target) ?? PLAIN
  const names = metadata === undefined ? decoration.mask : masksOf(metadata, decoration)
  return new Map([...names.map((name) => [name, REDACT] as const), ...(decoration.maskModes ?? [])])
}
