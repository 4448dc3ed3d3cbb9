import type { DataSource } from 'typeorm'
import { whileLoadingOrganisation } from './context'
import { type KnownEntity, knownEntity } from './entity'

/** The path cannot lead anywhere, for any user: a fault of the settings. */
export class BrokenPath extends Error {}

/** Where the walk along a path has come to. */
type Step = { value: unknown } | { load: KnownEntity } | { getter: true }

/** What the walk found without waiting; `later` when it takes a promise, a getter or the database to tell. */
export type FoundNow = { value: unknown } | 'later'

/** Walks as far as what is in memory leads. Starts nothing: it may run inside a hook, in another's transaction. */
export function walkNow(user: object, path: readonly string[], dataSources: Iterable<DataSource>): FoundNow {
  let value: unknown = user
  for (const name of path) {
    if (value === null || value === undefined) return { value: undefined }
    const step = stepTo(value, name, dataSources)
    if (!('value' in step) || isThenable(step.value)) return 'later'
    value = step.value
  }
  return { value }
}

/** Walks to the end: waits for promises, and loads what is missing with one query for all the rest of the path. */
export async function walkToEnd(
  user: object,
  path: readonly string[],
  dataSources: Iterable<DataSource>,
): Promise<unknown> {
  let value: unknown = user
  let loaded = false
  for (const [index, name] of path.entries()) {
    if (value === null || value === undefined) return undefined
    let step = stepTo(value, name, dataSources)
    if ('load' in step && !loaded) {
      loaded = true
      const { load } = step
      const holder: object = value
      if (!isOnlyIn(load, dataSources))
        throw new Error(`several databases have ${nameOf(holder)}, and it may be of any`)
      value = await whileLoadingOrganisation(() => loadPath(holder, load, path.slice(index)))
      if (value === null || value === undefined) return undefined
      step = stepTo(value, name, dataSources)
    }
    if ('load' in step) return undefined
    value = await ('value' in step ? step.value : (value as Record<string, unknown>)[name])
  }
  return value
}

function stepTo(holder: unknown, name: string, dataSources: Iterable<DataSource>): Step {
  if (typeof holder !== 'object' || holder === null) throw new BrokenPath(`${name} is asked of a ${typeof holder}`)
  if (Array.isArray(holder)) throw new BrokenPath(`${name} is asked of a list`)
  const known = knownEntity(holder, dataSources)
  const relation = known?.metadata.findRelationWithPropertyPath(name)
  if (relation?.isOneToMany || relation?.isManyToMany) throw new BrokenPath(`${name} is a list of entities`)
  const value = relation?.isLazy ? lazyValue(holder, name) : plainValue(holder, name, known === undefined)
  if (value === DEFERRED) return { getter: true }
  if (value !== undefined) return { value }
  if (known !== undefined && relation !== undefined) return { load: known }
  const exists = name in holder || known?.metadata.findColumnWithPropertyPath(name) !== undefined
  if (!exists) throw new BrokenPath(`${nameOf(holder)} has no ${name}`)
  return { value: undefined }
}

const DEFERRED = Symbol('deferred')

/** A getter of the object's own may be TypeORM's of an unknown data source, which queries when it is read. */
function plainValue(holder: object, name: string, unknownEntity: boolean): unknown {
  const own = unknownEntity ? Object.getOwnPropertyDescriptor(holder, name) : undefined
  return own?.get === undefined ? (holder as Record<string, unknown>)[name] : DEFERRED
}

/**
 * What a lazy relation holds, without asking its getter: that would load with the query runner the entity came from,
 * which may be the caller's transaction. The names are those of TypeORM's RelationLoader.enableLazyLoad.
 */
function lazyValue(holder: object, name: string): unknown {
  const own = Object.getOwnPropertyDescriptor(holder, name)
  if (own !== undefined && own.get === undefined) return own.value
  const fields = holder as Record<string, unknown>
  const loaded = fields[`__${name}__`]
  if (fields[`__has_${name}__`] === true) return loaded ?? null
  return loaded ?? fields[`__promise_${name}__`]
}

/** An object does not say which data source it was loaded from, and one key may be another user's in each database. */
function isOnlyIn({ dataSource, metadata }: KnownEntity, dataSources: Iterable<DataSource>): boolean {
  const place = placeOf(dataSource)
  for (const other of dataSources) {
    const knows = other !== dataSource && other.isInitialized && other.hasMetadata(metadata.target)
    if (knows && (place === undefined || placeOf(other) !== place)) return false
  }
  return true
}

/** Where the data is; undefined of a database in memory, which is each data source's own. */
function placeOf({ options }: DataSource): string | undefined {
  const { type, replication, host, port, database, url } = options as unknown as Record<string, unknown>
  if (type === 'sqljs' || database === ':memory:') return undefined
  const { master } = (replication ?? {}) as { master?: object }
  return JSON.stringify([type, { host, port, database, url, ...master }])
}

/**
 * The holder again with the relations of the path joined, by one SELECT over a connection of its own. Only the holder's
 * key is selected, so that no password is read along. Deleted organisations count: they were the actor's all the same.
 * Listeners stay off: what an application does after loads is not to be done for ours.
 */
async function loadPath(holder: object, { dataSource, metadata }: KnownEntity, path: readonly string[]) {
  const id = metadata.getEntityIdMap(holder)
  if (id === undefined) return null
  const keys = metadata.primaryColumns.map((column) => `step0.${column.propertyPath}`)
  const query = dataSource.manager.createQueryBuilder(metadata.target, 'step0').withDeleted().callListeners(false)
  query.select(keys)
  let current = metadata
  for (const [index, name] of path.entries()) {
    const relation = current.findRelationWithPropertyPath(name)
    if (relation === undefined || relation.isOneToMany || relation.isManyToMany) break
    query.leftJoinAndSelect(`step${index}.${name}`, `step${index + 1}`)
    current = relation.inverseEntityMetadata
  }
  return (await query.whereInIds(id).getOne()) as object | null
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

function nameOf(holder: object): string {
  const { name } = holder.constructor ?? {}
  return typeof name === 'string' && name !== '' && name !== 'Object' ? name : 'the object'
}
