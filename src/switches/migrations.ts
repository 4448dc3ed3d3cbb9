import type { DataSource } from 'typeorm'
import type { Sender } from '../send-log'
import { type RunOptions, recordMigrations } from './migration-runs'

/** Who records the migrations of a data source, and how its methods become its own again. */
interface Recording {
  readonly sender: Sender
  readonly undo: () => void
}

type Method = (options?: RunOptions) => Promise<unknown>
type Methods = Record<'runMigrations' | 'undoLastMigration', Method>

const DIRECTIONS = { runMigrations: 'up', undoLastMigration: 'down' } as const

/** On globalThis: a second copy of this package must not record the same migrations again. */
const REGISTRY = Symbol.for('typeorm-audit-logger.migrations')

/**
 * Records each migration that `runMigrations` and `undoLastMigration` of a data source run, also those that
 * `migrationsRun` and TypeORM's command line begin. When it is attached twice, the later one records.
 *
 * @returns undoes it; later calls do nothing
 */
export function attachMigrations(dataSource: DataSource, sender: Sender): () => void {
  const recordings = registry()
  const undo = recordings.get(dataSource)?.undo ?? override(dataSource)
  const recording: Recording = { sender, undo }
  recordings.set(dataSource, recording)
  return () => {
    if (recordings.get(dataSource) !== recording) return
    recordings.delete(dataSource)
    undo()
  }
}

/** Whether migrations of this data source are recorded. */
export function recordsMigrations(dataSource: DataSource): boolean {
  return registry().has(dataSource)
}

/** On the object itself, so that nothing else of its class is concerned. */
function override(dataSource: DataSource): () => void {
  const undos = (['runMigrations', 'undoLastMigration'] as const).map((name) => {
    const before = Object.getOwnPropertyDescriptor(dataSource, name)
    const own = (options?: RunOptions): Promise<unknown> => {
      const original = (before?.value ?? (Object.getPrototypeOf(dataSource) as Methods)[name]) as Method
      const sender = registry().get(dataSource)?.sender
      const run = () => original.call(dataSource, options)
      return sender === undefined
        ? run()
        : recordMigrations({ dataSource, sender, direction: DIRECTIONS[name], options }, run)
    }
    Object.defineProperty(dataSource, name, { value: own, configurable: true, writable: true, enumerable: false })
    return () => {
      // What another package has put in its place meanwhile stays.
      if ((dataSource as unknown as Methods)[name] !== own) return
      if (before === undefined) Reflect.deleteProperty(dataSource, name)
      else Object.defineProperty(dataSource, name, before)
    }
  })
  return () => {
    for (const undo of undos) undo()
  }
}

function registry(): WeakMap<DataSource, Recording> {
  const holder = globalThis as { [REGISTRY]?: WeakMap<DataSource, Recording> }
  holder[REGISTRY] ??= new WeakMap()
  return holder[REGISTRY]
}
