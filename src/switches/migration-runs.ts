import type { DataSource, MigrationInterface, QueryRunner } from 'typeorm'
import { put } from '../event/put'
import { bySystem } from '../events/system-event'
import { problemOf } from '../report'
import type { Sender } from '../send-log'
import { executedMigrations } from './executed-migrations'
import { durationSince } from './suspend'
import { runSuspended } from './suspension'
import { within } from './within'

/** How long a Redis that does not answer may hold up an application that starts with its migrations. */
const PATIENCE_MS = 2_000

type Direction = 'up' | 'down'

/** One migration that TypeORM ran or tried to run. */
interface Run {
  readonly name: string
  ended: Date
  durationMs: number
  /** Changes of entities that it made. */
  changes: number
  threw: boolean
}

export interface RunOptions {
  fake?: boolean
}

/** A call of `runMigrations` or `undoLastMigration`. */
export interface MigrationTask {
  dataSource: DataSource
  sender: Sender
  direction: Direction
  options: RunOptions | undefined
}

/** Runs it as it is, and records each migration that it runs. */
export async function recordMigrations(task: MigrationTask, run: () => Promise<unknown>): Promise<unknown> {
  const { dataSource, sender } = task
  if (task.options?.fake === true) return recordFake(task, run)
  const runs: Run[] = []
  // initialize() with `migrationsRun` has made them by now, and TypeORM reads the list when it begins.
  const watched = dataSource.migrations
  const watching = watchAll(task, watched, runs)
  try {
    const result = await run()
    for (const one of runs) send(task, one, { outcome: 'success' })
    if (runs.length > 0) await pushed(sender)
    return result
  } catch (error) {
    await recordFailure(task, runs, error)
    throw error
  } finally {
    if (dataSource.migrations === watching) assign(dataSource, watched)
  }
}

/** What failed is known; whether the others were rolled back with it, only the database knows. */
async function recordFailure(task: MigrationTask, runs: readonly Run[], error: unknown): Promise<void> {
  const failed = runs.find(({ threw }) => threw)
  const asked = runs.some(({ threw }) => !threw)
  const executed = asked ? await executedMigrations(task.dataSource) : undefined
  const reason = failed === undefined ? problemOf(error) : `rolled back, because ${failed.name} failed`
  for (const one of runs) {
    if (one.threw) send(task, one, { outcome: 'failure', reason: problemOf(error) })
    else if (executed === undefined) send(task, one, { coverageReason: 'whether it was rolled back is not known' })
    else if (executed.has(one.name) === (task.direction === 'up')) send(task, one, { outcome: 'success' })
    else send(task, one, { outcome: 'failure', reason, rolledBack: true })
  }
  if (runs.length > 0) await pushed(task.sender)
}

/** `fake` runs no code; what it writes down as run, or no longer run, is told by the table of migrations. */
async function recordFake(task: MigrationTask, run: () => Promise<unknown>): Promise<unknown> {
  const began = performance.now()
  const before = (await executedMigrations(task.dataSource)) ?? new Set()
  const result = await run()
  const after = (await executedMigrations(task.dataSource)) ?? before
  const [from, to] = task.direction === 'up' ? [before, after] : [after, before]
  for (const name of [...to].filter((one) => !from.has(one))) {
    const one = { name, ended: new Date(), durationMs: durationSince(began), changes: 0, threw: false }
    send(task, one, { outcome: 'success', fake: true })
  }
  await pushed(task.sender)
  return result
}

/** Undefined, and the migrations run unrecorded, where an object of the application throws when it is looked at. */
function watchAll({ dataSource, sender }: MigrationTask, migrations: readonly MigrationInterface[], runs: Run[]) {
  try {
    const watching = migrations.map((migration) => watch(migration, sender, runs))
    assign(dataSource, watching)
    return watching
  } catch (error) {
    sender.reports.report('AUDIT_CAPTURE_FAILED', { problem: problemOf(error) }, 'migrations')
    return undefined
  }
}

/** The migration with `up` and `down` that tell of themselves; everything else shows through. */
function watch(migration: MigrationInterface, sender: Sender, runs: Run[]): MigrationInterface {
  const name = migration.name ?? migration.constructor.name
  const watched = (direction: Direction) => ({
    value: (queryRunner: QueryRunner) =>
      runSuspended(sender.recorder, async (suspension) => {
        const began = performance.now()
        const one: Run = { name, ended: new Date(), durationMs: 0, changes: 0, threw: false }
        runs.push(one)
        try {
          return await migration[direction](queryRunner)
        } catch (error) {
          one.threw = true
          throw error
        } finally {
          suspension.active = false
          Object.assign(one, { ended: new Date(), durationMs: durationSince(began), changes: suspension.events })
        }
      }),
  })
  return Object.create(migration, { up: watched('up'), down: watched('down') }) as MigrationInterface
}

interface Ending {
  outcome?: 'success' | 'failure'
  reason?: string
  rolledBack?: true
  fake?: true
  coverageReason?: string
}

function send({ sender, direction }: MigrationTask, run: Run, ending: Ending): void {
  const { outcome, reason, rolledBack, fake, coverageReason } = ending
  const content: Record<string, unknown> = { migration: run.name, direction, duration_ms: run.durationMs }
  put<unknown>(content, 'suspended', run.changes)
  if (rolledBack) put<unknown>(content, 'rolled_back', true)
  if (fake) put<unknown>(content, 'fake', true)
  const { recorder } = sender
  const observation = {
    action: 'DB_MIGRATED',
    date: run.ended,
    outcome,
    reason,
    content,
    coverageReason,
    ...bySystem(),
  }
  recorder.deliver([recorder.capture(observation)])
}

/** TypeORM's command line ends the process as soon as the migrations have run, and would take their events with it. */
async function pushed({ recorder }: Sender): Promise<void> {
  await within(PATIENCE_MS, recorder.flush())
}

/** TypeORM declares the list read-only and replaces it with every initialize(). */
function assign(dataSource: DataSource, migrations: readonly MigrationInterface[]): void {
  Object.assign(dataSource, { migrations })
}
