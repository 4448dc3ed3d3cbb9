import type { EntityMetadata } from 'typeorm'
import { ownText } from '../context/entity'
import { MASK } from '../event/mask-url'
import type { Decoration } from './decoration'

const UNREADABLE = '[Unreadable]'

/** The part of a decoration that a name depends on. */
export type Labelling = Pick<Decoration, 'label' | 'mask'>

/**
 * What an entity is called: its label if its decoration has one, else its own `toString`. Undefined when it has neither.
 *
 * @param onUnreadable told when the application's code throws; the name then says that it could not be read
 */
export function nameOf(entity: object, { label, mask }: Labelling, onUnreadable?: (problem: unknown) => void) {
  try {
    if (label === undefined) return ownText(entity)
    if (typeof label === 'function') return textOf(label(entity as never))
    const text = textOf(label.split('.').reduce<unknown>(step, entity))
    const hidden = mask.some((property) => label === property || label.startsWith(`${property}.`))
    return hidden && text !== undefined ? MASK : text
  } catch (error) {
    onUnreadable?.(error)
    return UNREADABLE
  }
}

/** Whether there is anything to call the entity by: making ready to ask costs more than asking. */
export function hasName(metadata: EntityMetadata, { label }: Labelling): boolean {
  if (label !== undefined) return true
  const { target } = metadata
  if (typeof target !== 'function') return false
  const prototype = target.prototype as { toString?: unknown } | undefined
  return prototype?.toString !== undefined && prototype.toString !== Object.prototype.toString
}

/**
 * The entity as it is after a write of which only some properties are known, as an instance of its class. It is a copy:
 * nothing that the application or TypeORM holds is touched.
 */
export function viewOf(
  metadata: EntityMetadata,
  before: object,
  changes: Iterable<[path: string, to: unknown]>,
): object {
  const view = asInstance(metadata, before, true)
  for (const [path, to] of changes) {
    const steps = path.split('.')
    const last = steps.pop()
    let holder = view as Record<string, unknown>
    for (const one of steps) {
      const inner = holder[one]
      const copy = typeof inner === 'object' && inner !== null ? copyOf(inner) : {}
      holder[one] = copy
      holder = copy as Record<string, unknown>
    }
    if (last !== undefined) holder[last] = to
  }
  return view
}

/** A plain object given to save() has no methods of its class; this gives it some. */
export function asInstance({ target }: EntityMetadata, entity: object, copy = false): object {
  const plain = Object.getPrototypeOf(entity) === Object.prototype
  if (!plain || typeof target !== 'function') return copy ? copyOf(entity) : entity
  return Object.assign(Object.create(target.prototype as object) as object, entity)
}

function copyOf(value: object): object {
  return Object.assign(Object.create(Object.getPrototypeOf(value) as object | null) as object, value)
}

function step(value: unknown, name: string): unknown {
  return (value as Record<string, unknown> | null | undefined)?.[name]
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'object' ? ownText(value) : String(value)
}
