import { AuditError } from '../../config/errors'
import { type AuditOptions, checkOptions, type Decoration } from './decoration'

export type { AuditOptions } from './decoration'

type EntityClass = abstract new (...values: never[]) => object

/** On globalThis, so that an application which loads the package twice (ESM and CommonJS, two versions) has one. */
const REGISTRY = Symbol.for('typeorm-audit-logger.decorations')

/**
 * Logs the creations, updates and deletions of an entity. Its subclasses inherit it unless decorated themselves.
 *
 * @throws AuditError `AUDIT_DECORATION_INVALID` where the class is defined, if an option cannot be used
 *
 * @example
 * @Entity() @AuditUpdateDelete
 * class Invoice { … }
 *
 * @Entity() @AuditUpdateDelete({ actions: ['update', 'delete'], mask: ['iban'], label: 'number' })
 * class Account { … }
 */
export function AuditUpdateDelete(target: EntityClass): void
export function AuditUpdateDelete<Entity = never>(options?: AuditOptions<Entity>): (target: EntityClass) => void
export function AuditUpdateDelete(given?: unknown, ...more: unknown[]): unknown {
  if (typeof given === 'function') return decorate(given, undefined)
  if (more.length > 0) refuse(given)
  return (target: unknown) => (typeof target === 'function' ? decorate(target, given) : refuse(target))
}

/** The decoration of a class, its own or the nearest one that it inherits. */
export function decorationOf(target: unknown): Decoration | undefined {
  const decorations = registry()
  for (let one = target; typeof one === 'function'; one = Object.getPrototypeOf(one)) {
    const decoration = decorations.get(one)
    if (decoration !== undefined) return decoration
  }
  return undefined
}

function decorate(target: object & { name?: string }, options: unknown): void {
  registry().set(target, checkOptions(target.name || 'an anonymous class', options))
}

function refuse(target: unknown): never {
  const entity = (target as object | null | undefined)?.constructor?.name ?? String(target)
  const accepted = 'a class, above which the decorator stands'
  throw new AuditError('AUDIT_DECORATION_INVALID', { entity, option: 'the target', given: 'no class', accepted })
}

function registry(): WeakMap<object, Decoration> {
  const holder = globalThis as { [REGISTRY]?: WeakMap<object, Decoration> }
  holder[REGISTRY] ??= new WeakMap()
  return holder[REGISTRY]
}
