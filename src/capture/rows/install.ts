import type { DataSource, EntityManager, QueryRunner } from 'typeorm'
import { familyOf } from '../typeorm'
import { type Send, sourceOf, type WriteBuilder } from './builder'
import { runListening, runPersisting } from './persisting'
import { type Interception, type Replacement, registry } from './registry'
import { sendingOver } from './sending'

/**
 * Intercepts the writes of one data source. TypeORM's prototypes are patched with the first data source of that TypeORM
 * and restored with the last; the writes of other data sources pass at the price of one look-up.
 *
 * @returns undoes it; later calls do nothing
 */
export function intercept(dataSource: DataSource, interception: Interception): () => void {
  const { active, patched } = registry()
  const manager = managerPrototype(dataSource)
  const { runner, broadcaster } = runnerPrototypes(dataSource)
  const prototypes = [...builderPrototypes(dataSource), manager, runner, broadcaster]
  const patch = (prototype: object) => {
    if (prototype === manager) return patchManager(manager)
    if (prototype === broadcaster) return patchBroadcaster(broadcaster)
    return prototype === runner ? patchRunner(runner) : patchBuilder(prototype)
  }
  for (const prototype of new Set(prototypes)) {
    const known = patched.get(prototype)
    if (known !== undefined) known.users += 1
    else patched.set(prototype, { users: 1, undo: patch(prototype) })
  }
  active.set(dataSource, interception)
  const undo = () => {
    for (const prototype of new Set(prototypes)) {
      const known = patched.get(prototype)
      if (known === undefined) continue
      known.users -= 1
      if (known.users > 0) continue
      known.undo()
      patched.delete(prototype)
    }
  }
  return () => {
    if (active.get(dataSource) !== interception) return
    active.delete(dataSource)
    // A statement that is made already must be sent as it was made.
    if (registry().running === 0) undo()
    else registry().undoing.push(undo)
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
      return interception === undefined
        ? original.call(this)
        : running(() => interception.execute(builder, () => original.call(this)))
    }
  })
}

async function running<T>(run: () => Promise<T>): Promise<T> {
  const all = registry()
  all.running += 1
  try {
    return await run()
  } finally {
    all.running -= 1
    if (all.running === 0) for (const undo of all.undoing.splice(0)) undo()
  }
}

/** Has the next query with this list of parameters replaced. TypeORM sends it before anything else can happen. */
export function expectQuery(parameters: unknown[], replacement: Replacement): void {
  registry().expected.set(parameters, replacement)
}

/** The class of query runners that this driver makes, and what tells subscribers for them; making one opens no connection. */
function runnerPrototypes({ driver }: DataSource): { runner: object; broadcaster: object } {
  const runner = driver.createQueryRunner('master')
  const { broadcaster } = runner as unknown as { broadcaster: object }
  return { runner: prototypeOf(runner), broadcaster: prototypeOf(broadcaster) }
}

function prototypeOf(value: object): object {
  return Object.getPrototypeOf(value) as object
}

function patchRunner(prototype: object): () => void {
  const { expected, wraps, sendings, gates, inside } = registry()
  const undoConnect = replace(prototype as Methods, 'connect', (original) => {
    return function connect(this: unknown, ...values: unknown[]) {
      const wrap = wraps.get(this as object)
      const all = sendings.get(this as object)
      const connection = original.apply(this, values)
      if (wrap !== undefined) return connection.then(wrap)
      return all?.size ? connection.then((one) => sendingOver(one as object, all)) : connection
    }
  })
  const undoQuery = replace(prototype as Methods, 'query', (original) => {
    return function query(this: unknown, ...values: unknown[]): Promise<unknown> {
      const gate = gates.get(this as object)
      if (gate !== undefined && !inside.getStore()?.includes(this as object))
        return gate.then(() => query.apply(this, values))
      const [sql, parameters] = values
      const replacement = typeof parameters === 'object' && parameters !== null ? expected.get(parameters) : undefined
      if (replacement === undefined) return original.apply(this, values)
      expected.delete(parameters as object)
      const send: Send = (text, more) => original.call(this, text, more, true) as ReturnType<Send>
      return replacement(this as QueryRunner, send, sql as string, parameters as unknown[])
    }
  })
  return () => {
    undoQuery()
    undoConnect()
  }
}

/** The one that has the methods itself: sql.js has a class below it, and its writes must not be intercepted twice. */
function managerPrototype(dataSource: DataSource): object {
  let prototype = Object.getPrototypeOf(dataSource.manager) as object
  while (!Object.hasOwn(prototype, 'clear') && Object.getPrototypeOf(prototype) !== null) {
    prototype = Object.getPrototypeOf(prototype) as object
  }
  return prototype
}

/** All but those of each query. */
const TELLING = /^broadcast(?:(?:Before|After)(?:Insert|Update|Remove|SoftRemove|Recover|Transaction\w+)|Load)Event$/

function patchBroadcaster(prototype: object): () => void {
  const names = Object.getOwnPropertyNames(prototype).filter((name) => TELLING.test(name))
  const undo = names.map((name) =>
    replace(prototype as Methods, name, (original) => {
      return function broadcast(this: unknown, ...values: unknown[]) {
        return runListening(() => original.apply(this, values))
      }
    }),
  )
  return () => {
    for (const one of undo) one()
  }
}

const PERSISTING = ['save', 'remove', 'softRemove', 'recover'] as const

function patchManager(prototype: object): () => void {
  const methods = prototype as Methods
  const undo = PERSISTING.map((name) =>
    replace(methods, name, (original) => {
      return function persist(this: unknown, ...values: unknown[]) {
        const dataSource = sourceOf(this as WriteBuilder) as DataSource
        // PostgreSQL tells all by itself, and on Node 20 and 22 whatever runs in a context of its own is slower.
        const known = registry().active.has(dataSource) && familyOf(dataSource) !== 'postgres'
        return known
          ? runPersisting(values, dataSource, () => original.apply(this, values))
          : original.apply(this, values)
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
