import type { DataSource, EntityManager } from 'typeorm'
import { sourceOf, type WriteBuilder } from './builder'
import { runPersisting } from './persisting'

/** What takes the place of a write while its data source is attached. */
export interface Interception {
  execute(builder: WriteBuilder, original: () => Promise<unknown>): Promise<unknown>
  clear(manager: EntityManager, target: unknown, original: () => Promise<unknown>): Promise<unknown>
}

interface Registry {
  readonly active: WeakMap<DataSource, Interception>
  /** What was patched, with the number of attached data sources that need it. */
  readonly patched: Map<object, { users: number; undo: () => void }>
}

/** On globalThis, so that two copies of this package patch TypeORM once. */
const REGISTRY = Symbol.for('typeorm-audit-logger.interceptions')

/**
 * Intercepts the writes of one data source. TypeORM's prototypes are patched with the first data source of that TypeORM
 * and restored with the last; the writes of other data sources pass at the price of one look-up.
 *
 * @returns undoes it; later calls do nothing
 */
export function intercept(dataSource: DataSource, interception: Interception): () => void {
  const { active, patched } = registry()
  const prototypes = [...builderPrototypes(dataSource), Object.getPrototypeOf(dataSource.manager) as object]
  const manager = managerPrototype(dataSource)
  for (const prototype of new Set(prototypes)) {
    const known = patched.get(prototype)
    if (known !== undefined) known.users += 1
    else
      patched.set(prototype, {
        users: 1,
        undo: prototype === manager ? patchManager(manager) : patchBuilder(prototype),
      })
  }
  active.set(dataSource, interception)
  return () => {
    if (active.get(dataSource) !== interception) return
    active.delete(dataSource)
    for (const prototype of new Set(prototypes)) {
      const known = patched.get(prototype)
      if (known === undefined) continue
      known.users -= 1
      if (known.users > 0) continue
      known.undo()
      patched.delete(prototype)
    }
  }
}

/** From the data source, not from an import: an application may have several copies of TypeORM. */
function builderPrototypes(dataSource: DataSource): object[] {
  const builders = [
    dataSource.createQueryBuilder().insert(),
    dataSource.createQueryBuilder().update(),
    dataSource.createQueryBuilder().delete(),
    dataSource.createQueryBuilder().softDelete(),
  ]
  return builders.map((builder) => Object.getPrototypeOf(builder) as object)
}

type Method = (this: unknown, ...values: unknown[]) => Promise<unknown>
type Methods = Record<string, Method>

function patchBuilder(prototype: object): () => void {
  return replace(prototype as Methods, 'execute', (original) => {
    return function execute(this: unknown) {
      const builder = this as WriteBuilder
      const dataSource = sourceOf(builder)
      const interception = dataSource && registry().active.get(dataSource)
      return interception === undefined ? original.call(this) : interception.execute(builder, () => original.call(this))
    }
  })
}

function managerPrototype(dataSource: DataSource): object {
  return Object.getPrototypeOf(dataSource.manager) as object
}

const PERSISTING = ['save', 'remove', 'softRemove', 'recover'] as const

function patchManager(prototype: object): () => void {
  const methods = prototype as Methods
  const undo = PERSISTING.map((name) =>
    replace(methods, name, (original) => {
      return function persist(this: unknown, ...values: unknown[]) {
        const active = registry().active.has(sourceOf(this as WriteBuilder) as DataSource)
        return active ? runPersisting(values, () => original.apply(this, values)) : original.apply(this, values)
      }
    }),
  )
  undo.push(
    replace(methods, 'clear', (original) => {
      return function clear(this: unknown, ...values: unknown[]) {
        const manager = this as EntityManager
        const interception = registry().active.get(sourceOf(this as WriteBuilder) as DataSource)
        const run = () => original.apply(this, values)
        return interception === undefined ? run() : interception.clear(manager, values[0], run)
      }
    }),
  )
  return () => {
    for (const one of undo) one()
  }
}

/** Replaces a method; the undoing leaves alone what another package has put in its place meanwhile. */
function replace(holder: Methods, name: string, make: (original: Method) => Method): () => void {
  const original = holder[name]
  if (typeof original !== 'function') throw new TypeError(`TypeORM has no ${name}() where it is expected`)
  const own = Object.hasOwn(holder, name)
  const replacement = make(original)
  holder[name] = replacement
  return () => {
    if (holder[name] !== replacement) return
    if (own) holder[name] = original
    else delete holder[name]
  }
}

function registry(): Registry {
  const holder = globalThis as { [REGISTRY]?: Registry }
  holder[REGISTRY] ??= { active: new WeakMap(), patched: new Map() }
  return holder[REGISTRY]
}
