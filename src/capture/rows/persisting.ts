import type { DataSource, EntityTarget } from 'typeorm'
import { primaryKeyOf } from '../properties'
import { type Persisting, registry } from './registry'

/** @param values what the method was given; its options are the last of them */
export function runPersisting<T>(values: readonly unknown[], dataSource: DataSource, run: () => T): T {
  const without = (name: 'listeners' | 'reload') =>
    values.slice(1).some((one) => (one as Record<typeof name, unknown> | null | undefined)?.[name] === false)
  const store: Persisting = {
    listeners: !without('listeners'),
    reload: !without('reload'),
    repeats: repeatsRow(values, dataSource),
    handled: new Set(),
    writes: [],
    listening: false,
  }
  return registry().persisting.run(store, run)
}

/** Runs subscribers and listeners, to which TypeORM tells of a save(), or anything else. */
export function runListening<T>(run: () => T): T {
  const store = persisting()
  return store === undefined || store.listening ? run() : registry().persisting.run({ ...store, listening: true }, run)
}

/**
 * Holds back the result of a write until all that save() has sent at once are done, where a row is among them twice: only
 * then does TypeORM read it again, as without capture.
 */
export function inStep<T>(write: () => Promise<T>): Promise<T> {
  const store = saving()
  return store?.repeats === true ? held(store, write) : write()
}

async function held<T>(store: Persisting, write: () => Promise<T>): Promise<T> {
  // What a subscriber writes in the midst of it must not wait for it.
  const written = registry().persisting.run({ ...store, repeats: false }, write)
  store.writes.push(written)
  const result = await written
  await Promise.allSettled(store.writes)
  return result
}

export function persisting(): Persisting | undefined {
  return registry().persisting.getStore()
}

/** The one whose own statement is about to be sent, if any: of that, TypeORM itself tells. */
export function saving(): Persisting | undefined {
  const store = persisting()
  return store?.listening === true ? undefined : store
}

export function rowMark(table: string, pk: string | undefined): string {
  return `${table} ${pk}`
}

/** Cascades are not followed. */
function repeatsRow([first, second]: readonly unknown[], dataSource: DataSource): boolean {
  const list: unknown = Array.isArray(first) ? first : second
  if (!Array.isArray(list) || list.length < 2) return false
  try {
    return (
      new Set(list.map((one: unknown) => rowOf(one, list === first ? undefined : first, dataSource))).size < list.length
    )
  } catch {
    // A key that code of the application makes, and that it could not.
    return true
  }
}

/** Something that is the same for two entities of one row. */
function rowOf(entity: unknown, given: unknown, dataSource: DataSource): unknown {
  if (typeof entity !== 'object' || entity === null) return entity
  const target = (given ?? entity.constructor) as EntityTarget<object>
  if (!dataSource.hasMetadata(target)) return entity
  const metadata = dataSource.getMetadata(target)
  const pk = primaryKeyOf(metadata, entity)
  return pk === undefined ? entity : rowMark(metadata.tablePath, pk)
}
