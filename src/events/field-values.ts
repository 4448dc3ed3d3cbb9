import type { DataSource } from 'typeorm'
import { type Decoration, PLAIN } from '../capture/decoration'
import { decorationOf } from '../capture/decorator'
import { masksOf, secretsOf } from '../capture/masked'
import { namesOf, propertiesOf, readProperty } from '../capture/properties'
import { concreteMetadata } from '../capture/typeorm'
import { type KnownEntity, knownEntity, primaryKey } from '../context/entity'
import { member } from '../event/copy-own'
import { maskChanges, type RawChanges } from '../event/mask'
import { put } from '../event/put'

/** The current values of some properties, with what the entity masks already masked. */
export interface FieldValues {
  readonly values: Record<string, unknown>
  /** Of these values: paths, and the raw texts that must not appear anywhere. */
  readonly masked: readonly string[]
  readonly secrets: readonly string[]
  /** What is there but not shown, and why. */
  readonly gaps: readonly string[]
  readonly problems: readonly string[]
}

/**
 * Reads properties as they are now. What the entity keeps from an event of its changes (`mask`, `select: false`,
 * `except`, `only`) it keeps from this one too; of a relation, keys are shown.
 */
export function fieldValues(
  instance: object,
  names: readonly string[],
  dataSources: Iterable<DataSource>,
): FieldValues {
  const found = knownEntity(instance, dataSources)
  const known = found && { ...found, metadata: concreteMetadata(found.metadata, instance) }
  // Of an entity whose data source is not attached, its decoration still holds.
  const decoration = decorationOf(known === undefined ? instance.constructor : known.metadata.target) ?? PLAIN
  const raw: RawChanges = {}
  const gaps: string[] = []
  const problems: string[] = []
  for (const name of names) {
    const aliases = known === undefined ? [name] : namesOf(known.metadata, name)
    if (!isShown(decoration, aliases)) {
      gaps.push(`${name} is kept from events by @AuditUpdateDelete`)
      continue
    }
    const value = currentValue(instance, name, known, dataSources)
    const isProperty = known !== undefined && propertiesOf(known.metadata).some((one) => one.name === name)
    if (value === NOT_LOADED || (value === undefined && isProperty)) gaps.push(`${name} is not loaded`)
    else if (value === undefined && !(name in instance)) problems.push(`${name} is no property of the instance`)
    else put(raw, name, { to: value })
  }
  const masks = known === undefined ? decoration.mask : masksOf(known.metadata, decoration)
  // What is excepted may lie inside of what was asked for.
  const inner = decoration.except.filter((path) => names.some((name) => path.startsWith(`${name}.`)))
  const hidden = maskChanges(raw, [...masks, ...inner], decoration.maskModes)
  return {
    values: valuesOf(hidden.changes),
    masked: hidden.masked.map((path) => path.replace(/^changes\./, 'content.values.')),
    secrets: [...hidden.secrets, ...secretsOf(instance, masks)],
    gaps,
    problems,
  }
}

const NOT_LOADED = Symbol('not loaded')

function currentValue(
  instance: object,
  name: string,
  known: KnownEntity | undefined,
  dataSources: Iterable<DataSource>,
): unknown {
  if (known === undefined) return member(instance, name)
  const { metadata } = known
  const property = propertiesOf(metadata).find((one) => one.name === name)
  if (property !== undefined) return readProperty(property, instance, metadata)
  const relation = metadata.findRelationWithPropertyPath(name)
  if (relation === undefined) return member(instance, name)
  const related: unknown = relation.getEntityValue(instance)
  if (related === undefined || related instanceof Promise) return NOT_LOADED
  // Keys alone: the other entity has masks of its own.
  const key = (one: unknown) => (typeof one === 'object' && one !== null ? keyOf(one, dataSources) : one)
  return Array.isArray(related) ? related.map(key) : key(related)
}

function keyOf(entity: object, dataSources: Iterable<DataSource>): string | undefined {
  return primaryKey(entity, knownEntity(entity, dataSources))
}

function isShown({ only, except }: Decoration, names: readonly string[]): boolean {
  const listed = (list: readonly string[]) =>
    list.some((one) => names.some((name) => name === one || name.startsWith(`${one}.`)))
  return only === undefined ? !listed(except) : listed(only)
}

function valuesOf(changes: RawChanges): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const [name, change] of Object.entries(changes)) put(values, name, 'to' in change ? change.to : undefined)
  return values
}
