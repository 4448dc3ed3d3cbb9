import 'reflect-metadata'
import {
  Column,
  DataSource,
  type DataSourceOptions,
  Entity,
  type MigrationInterface,
  PrimaryGeneratedColumn,
  type QueryRunner,
} from 'typeorm'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { AuditSubscriber } from '../../src/capture/subscriber'
import { runWithContext } from '../../src/context/context'
import { close, zeroCodeLogger } from '../../src/default-logger'
import { openLoggers } from '../../src/event-logger'
import { createQueue } from '../../src/queue/producer'
import { TestAuditLogger } from '../../src/testing'
import { MemoryQueue } from '../unit/fakes'
import { createDatabase } from './shared'

@Entity()
@AuditUpdateDelete
class Bill {
  @PrimaryGeneratedColumn() id!: number
  @Column() total!: number
}

let broken = false

class Create1700000000001 implements MigrationInterface {
  readonly #table = 'bill'
  async up(runner: QueryRunner): Promise<void> {
    const id = runner.connection.options.type === 'postgres' ? 'serial PRIMARY KEY' : 'integer PRIMARY KEY'
    const key = runner.connection.options.type === 'mariadb' ? `${id} AUTO_INCREMENT` : id
    await runner.query(`CREATE TABLE ${this.#table} (id ${key}, total integer)`)
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE ${this.#table}`)
  }
}

class Fill1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.manager.save(Bill, [{ total: 1 }, { total: 2 }])
    if (broken) throw new Error('out of luck')
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DELETE FROM bill')
  }
}

class Deferred1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE a (id integer PRIMARY KEY)')
    await runner.query('CREATE TABLE b (a integer REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED)')
    await runner.query('INSERT INTO b VALUES (1)')
  }
  async down(): Promise<void> {}
}

const MIGRATIONS = [Create1700000000001, Fill1700000000002]
const SQLJS = { type: 'sqljs' } as const

function optionsOf(connection: object, more: object = {}): DataSourceOptions {
  return { ...connection, entities: [Bill], migrations: MIGRATIONS, ...more } as unknown as DataSourceOptions
}

const opened: { destroy(): Promise<void>; isInitialized: boolean }[] = []

async function open(connection: object, more: object = {}) {
  const dataSource = new DataSource(optionsOf(connection, more))
  opened.push(dataSource)
  const audit = new TestAuditLogger({ models: 'all' }).attach(dataSource)
  await dataSource.initialize()
  return { dataSource, audit, told: () => toldBy(audit.events) }
}

function toldBy(events: readonly TestAuditLogger['events'][number][]) {
  return events.map(({ action, outcome, content }) => [
    action,
    content?.migration,
    content?.direction,
    outcome,
    content?.suspended,
  ])
}

const UP = [
  ['DB_MIGRATED', 'Create1700000000001', 'up', 'success', 0],
  ['DB_MIGRATED', 'Fill1700000000002', 'up', 'success', 2],
]
const DOWN = ['DB_MIGRATED', 'Fill1700000000002', 'down', 'success', 0]

/** Called with TypeORM as the test file has it. `createQueue` must be mocked there. */
export function describeMigrations(): void {
  beforeEach(() => {
    broken = false
  })
  afterEach(async () => {
    for (const one of opened.splice(0)) if (one.isInitialized) await one.destroy()
    await close()
    openLoggers.clear()
    vi.unstubAllEnvs()
  })

  describe.each<[string, () => Promise<object>]>([
    ['sql.js', async () => SQLJS],
    ['PostgreSQL', () => createDatabase('postgres')],
    ['MariaDB', () => createDatabase('mariadb')],
  ])('migrations in %s', (kind, connect) => {
    it('are one event each, up and down, and what they write is counted, not recorded', async () => {
      const { dataSource, audit, told } = await open(await connect())
      expect((await dataSource.runMigrations()).map(({ name }) => name)).toEqual(MIGRATIONS.map(({ name }) => name))
      expect(told()).toEqual(UP)
      expect(audit.events[0]).toMatchObject({ user: { type: 'system' }, content: { duration_ms: expect.any(Number) } })
      audit.clear()
      await dataSource.undoLastMigration()
      expect(told()).toEqual([DOWN])
      audit.clear()
      await dataSource.manager.save(Bill, { total: 3 })
      expect(told()).toEqual([['OBJ_CREATE', undefined, undefined, undefined, undefined]])
    })

    it('that fail say so, and the ones before them whether they were rolled back', async () => {
      broken = true
      const { dataSource, audit, told } = await open(await connect())
      await expect(dataSource.runMigrations()).rejects.toThrow('out of luck')
      // MariaDB commits with each CREATE TABLE, so there the first one stays.
      const first = kind === 'MariaDB' ? 'success' : 'failure'
      expect(told().map(([, name, , outcome]) => [name, outcome])).toEqual([
        ['Create1700000000001', first],
        ['Fill1700000000002', 'failure'],
      ])
      expect(audit.events[1]?.reason).toBe('Error: out of luck')
      if (first === 'failure') {
        expect(audit.events[0]).toMatchObject({
          reason: 'rolled back, because Fill1700000000002 failed',
          content: { rolled_back: true },
        })
      }
    })

    it('that each have a transaction stay when a later one fails', async () => {
      broken = true
      const { dataSource, told } = await open(await connect())
      await expect(dataSource.runMigrations({ transaction: 'each' })).rejects.toThrow('out of luck')
      expect(told().map(([, , , outcome]) => outcome)).toEqual(['success', 'failure'])
    })

    it('that run with initialize() are recorded too', async () => {
      const { told } = await open(await connect(), { migrationsRun: true })
      expect(told()).toEqual(UP)
    })

    it('that are only marked as run are told as that', async () => {
      const { dataSource, audit, told } = await open(await connect())
      await dataSource.runMigrations({ fake: true })
      expect(told().map(([, name, direction]) => [name, direction])).toEqual([
        ['Create1700000000001', 'up'],
        ['Fill1700000000002', 'up'],
      ])
      expect(audit.events.map(({ content }) => content?.fake)).toEqual([true, true])
      audit.clear()
      await dataSource.undoLastMigration({ fake: true })
      expect(told().map(([, name, direction]) => [name, direction])).toEqual([['Fill1700000000002', 'down']])
    })
  })

  describe('migrations', () => {
    it('tell the user of their context', async () => {
      const { dataSource, audit } = await open(SQLJS)
      await runWithContext({ user: { id: 7 }, entryPoint: 'cli' }, () => dataSource.runMigrations())
      expect(audit.events[0]).toMatchObject({ user: { pk: '7' }, entry_point: 'cli' })
    })

    it('are recorded without subscribers, as TypeORM runs them from its command line', async () => {
      const dataSource = new DataSource(optionsOf(SQLJS))
      opened.push(dataSource)
      const audit = new TestAuditLogger().attach(dataSource)
      dataSource.setOptions({ subscribers: [], synchronize: false, migrationsRun: false, dropSchema: false })
      await dataSource.initialize()
      await dataSource.runMigrations({ transaction: 'all' })
      expect(toldBy(audit.events).map(([action, name]) => [action, name])).toEqual([
        ['DB_MIGRATED', 'Create1700000000001'],
        ['DB_MIGRATED', 'Fill1700000000002'],
      ])
    })

    it('are pushed before the run ends, as long as Redis takes them: the process may end with it', async () => {
      const { dataSource, audit } = await open(SQLJS)
      const flush = vi.spyOn(audit.recorder, 'flush')
      await dataSource.runMigrations()
      expect(flush).toHaveBeenCalledTimes(1)
      flush.mockReturnValue(new Promise(() => undefined))
      await dataSource.undoLastMigration()
      expect(toldBy(audit.events)).toHaveLength(3)
    })

    it('whose commit fails are failures, also when none of them failed itself', async () => {
      const { dataSource, audit, told } = await open(await createDatabase('postgres'), {
        migrations: [Deferred1700000000003],
      })
      await expect(dataSource.runMigrations()).rejects.toThrow(/foreign key/)
      expect(told()).toEqual([['DB_MIGRATED', 'Deferred1700000000003', 'up', 'failure', 0]])
      expect(audit.events[0]).toMatchObject({
        reason: expect.stringContaining('foreign key'),
        content: { rolled_back: true },
      })
    })

    it('that were committed stay successes when the next one cannot even begin', async () => {
      const { dataSource, told } = await open(SQLJS)
      const createQueryRunner = dataSource.createQueryRunner.bind(dataSource)
      vi.spyOn(dataSource, 'createQueryRunner').mockImplementationOnce(() => {
        const runner = createQueryRunner('master')
        const start = runner.startTransaction.bind(runner)
        let begun = 0
        vi.spyOn(runner, 'startTransaction').mockImplementation(() => {
          begun += 1
          return begun === 1 ? start() : Promise.reject(new Error('connection lost'))
        })
        return runner
      })
      await expect(dataSource.runMigrations({ transaction: 'each' })).rejects.toThrow('connection lost')
      expect(told()).toEqual([UP[0]])
    })

    it('leave the data source as it was: none pending is no event, and detach() undoes it', async () => {
      const { dataSource, audit } = await open(SQLJS)
      const { migrations } = dataSource
      await dataSource.runMigrations()
      audit.clear()
      await dataSource.runMigrations()
      expect(audit.events).toEqual([])
      expect(dataSource.migrations).toBe(migrations)
      audit.detach(dataSource)
      expect(Object.hasOwn(dataSource, 'runMigrations')).toBe(false)
      await dataSource.undoLastMigration()
      expect(audit.events).toEqual([])
    })

    it('are not recorded when the logger is switched off', async () => {
      const dataSource = new DataSource(optionsOf(SQLJS))
      opened.push(dataSource)
      const audit = new TestAuditLogger({ enabled: false }).attach(dataSource)
      await dataSource.initialize()
      await dataSource.runMigrations()
      expect(audit.events).toEqual([])
    })
  })

  describe('migrations of a data source with AuditSubscriber alone', () => {
    it.each([[true], [false]])('are recorded once (migrationsRun: %s), and once by an explicit logger', async (run) => {
      const queue = new MemoryQueue()
      vi.mocked(createQueue).mockReturnValue(queue)
      vi.stubEnv('AUDIT_LOGGER_LIFECYCLE_EVENTS', 'false')
      const dataSource = new DataSource(optionsOf(SQLJS, { subscribers: [AuditSubscriber], migrationsRun: run }))
      opened.push(dataSource)
      await dataSource.initialize()
      if (!run) await dataSource.runMigrations()
      expect(toldBy(queue.events)).toEqual(UP)
      const audit = new TestAuditLogger().attach(dataSource)
      await dataSource.undoLastMigration()
      expect(toldBy(audit.events)).toEqual([DOWN])
      expect(queue.events).toHaveLength(2)
      expect(zeroCodeLogger()).toBeDefined()
    })
  })
}
