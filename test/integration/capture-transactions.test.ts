import 'reflect-metadata'
import {
  Column,
  DataSource,
  type DataSourceOptions,
  Entity,
  type EntityManager,
  ManyToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type QueryRunner,
} from 'typeorm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { createDatabase } from '../support/shared'
import { waitFor } from '../support/wait-for'
import { newValue, Trail } from '../unit/capture/support'

@Entity()
@AuditUpdateDelete
class Entry {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ unique: true })
  text!: string
}

@Entity()
class Parent {
  @PrimaryColumn()
  id!: number
}

@Entity()
@AuditUpdateDelete
class Child {
  @PrimaryGeneratedColumn()
  id!: number

  @ManyToOne(() => Parent, { deferrable: 'INITIALLY DEFERRED' })
  parent!: Parent
}

class Undo extends Error {}

let dataSource: DataSource
let trail: Trail

const save = (manager: EntityManager, text: string) => manager.save(Object.assign(new Entry(), { text }))
const texts = () => trail.take().map((event) => newValue(event, 'text'))
const rows = async () => (await dataSource.manager.find(Entry, { order: { id: 'ASC' } })).map(({ text }) => text)
const undone = (run: () => Promise<unknown>) => expect(run()).rejects.toBeInstanceOf(Undo)

async function open(type: 'sqljs' | 'postgres' | 'mariadb', extra: object = {}, entities: unknown[] = [Entry]) {
  const place = type === 'sqljs' ? { type } : await createDatabase(type)
  const options = { ...place, synchronize: true, entities, ...extra } as DataSourceOptions
  dataSource = await new DataSource(options).initialize()
  trail = new Trail()
  trail.attach(dataSource)
}

/** Gives the query runner back whatever happens in between. */
async function withQueryRunner(run: (queryRunner: QueryRunner) => Promise<unknown>): Promise<void> {
  const queryRunner = dataSource.createQueryRunner()
  try {
    await run(queryRunner)
  } finally {
    if (!queryRunner.isReleased) await queryRunner.release()
  }
}

describe.each(['sqljs', 'postgres', 'mariadb'] as const)('transactions on %s', (type) => {
  beforeAll(() => open(type, { poolSize: 4, extra: type === 'mariadb' ? { connectionLimit: 4 } : {} }))
  afterAll(() => dataSource.destroy())
  beforeEach(async () => {
    await dataSource.createQueryBuilder().delete().from(Entry).execute()
    trail.take()
  })

  it('are delivered after COMMIT, in one push, in order', async () => {
    await dataSource.transaction(async (manager) => {
      await save(manager, 'a')
      const entry = await save(manager, 'b')
      entry.text = 'c'
      await manager.save(entry)
      expect(trail.queue.pushes).toEqual([])
    })
    expect(trail.queue.pushes).toHaveLength(1)
    expect(trail.queue.events.map(({ transaction }) => transaction?.n)).toEqual([1, 2, 3])
    expect(texts()).toEqual(['a', 'b', 'c'])
  })

  it('leave nothing when they are rolled back', async () => {
    await undone(() =>
      dataSource.transaction(async (manager) => {
        await save(manager, 'a')
        await manager.update(Entry, { text: 'a' }, { text: 'b' })
        throw new Undo()
      }),
    )
    expect(trail.take()).toEqual([])
    await save(dataSource.manager, 'c')
    expect(texts()).toEqual(['c'])
  })

  it('lose what a nested one takes back, three deep, and keep the rest', async () => {
    await dataSource.transaction(async (one) => {
      await save(one, '1')
      await undone(() =>
        one.transaction(async (two) => {
          await save(two, '2')
          await two.transaction((three) => save(three, '3'))
          throw new Undo()
        }),
      )
      await one.transaction(async (two) => {
        await save(two, '4')
        await undone(() =>
          two.transaction(async (three) => {
            await save(three, '5')
            throw new Undo()
          }),
        )
        await two.transaction((three) => save(three, '6'))
      })
      await save(one, '7')
    })
    expect(texts()).toEqual(['1', '4', '6', '7'])
    expect(await rows()).toEqual(['1', '4', '6', '7'])
  })

  it('lose all when the outermost is rolled back after inner ones succeeded', async () => {
    await undone(() =>
      dataSource.transaction(async (one) => {
        await one.transaction((two) => save(two, '1'))
        await one.transaction((two) => two.transaction((three) => save(three, '2')))
        throw new Undo()
      }),
    )
    expect(trail.take()).toEqual([])
  })

  it('are seen when they are raw SQL', async () => {
    await withQueryRunner(async (queryRunner) => {
      await queryRunner.query('BEGIN')
      await queryRunner.manager.insert(Entry, { text: 'a' })
      await queryRunner.query('SAVEPOINT mine')
      await queryRunner.manager.insert(Entry, { text: 'b' })
      await queryRunner.query('ROLLBACK TO SAVEPOINT mine')
      await queryRunner.manager.insert(Entry, { text: 'c' })
      expect(trail.queue.pushes).toEqual([])
      await queryRunner.query('COMMIT')
      expect(texts()).toEqual(['a', 'c'])
      await queryRunner.query('/* by hand */ BEGIN')
      await queryRunner.manager.insert(Entry, { text: 'd' })
      await queryRunner.query('ROLLBACK')
      await queryRunner.manager.insert(Entry, { text: 'e' })
      expect(texts()).toEqual(['e'])
    })
    expect(await rows()).toEqual(['a', 'c', 'e'])
  })

  it('may be around save(), when they are raw, which then has one of its own inside', async () => {
    await withQueryRunner(async (queryRunner) => {
      await queryRunner.query('BEGIN')
      await queryRunner.manager.save(Object.assign(new Entry(), { text: 'a' }), { transaction: false })
      await queryRunner.query('ROLLBACK')
    })
    expect(trail.take()).toEqual([])
    expect(await rows()).toEqual([])
  })

  it('are not needed: what stands alone is delivered at once, without a transaction', async () => {
    await dataSource.manager.insert(Entry, { text: 'a' })
    const event = trail.one()
    expect(event.changes?.text).toEqual({ to: 'a' })
    expect(event).not.toHaveProperty('transaction')
  })

  it('yield nothing for a save() that the database refuses', async () => {
    await save(dataSource.manager, 'a')
    trail.take()
    await expect(save(dataSource.manager, 'a')).rejects.toThrow()
    await expect(dataSource.manager.insert(Entry, { text: 'a' })).rejects.toThrow()
    expect(trail.take()).toEqual([])
  })

  it('that were begun before capture was attached are taken as they are', async () => {
    await withQueryRunner(async (queryRunner) => {
      const late = new DataSource({ ...dataSource.options, synchronize: false } as DataSourceOptions)
      await late.initialize()
      if (type === 'sqljs') await late.synchronize()
      const lateTrail = new Trail()
      const runner = late.createQueryRunner()
      await runner.startTransaction()
      lateTrail.attach(late)
      await save(runner.manager, 'a')
      expect(lateTrail.take()).toEqual([])
      await runner.commitTransaction()
      expect(lateTrail.take()).toHaveLength(1)
      await runner.release()
      await late.destroy()
      expect(queryRunner.isReleased).toBe(false)
    })
  })
})

describe.each(['postgres', 'mariadb'] as const)('concurrency on %s', (type) => {
  beforeAll(() => open(type, { poolSize: 4, extra: type === 'mariadb' ? { connectionLimit: 4 } : {} }))
  afterAll(() => dataSource.destroy())

  it('keeps 50 transactions apart on 4 connections, some of them rolled back', { timeout: 60_000 }, async () => {
    const one = async (index: number) => {
      const run = dataSource.transaction(async (manager) => {
        const entry = await save(manager, `${index}`)
        const inner = manager.transaction(async (nested) => {
          await save(nested, `${index}-inner`)
          if (index % 3 === 0) throw new Undo()
        })
        await inner.catch((error: unknown) => {
          if (!(error instanceof Undo)) throw error
        })
        entry.text = `${index}-changed`
        await manager.save(entry)
        if (index % 2 === 0) throw new Undo()
      })
      await run.catch((error: unknown) => {
        if (!(error instanceof Undo)) throw error
      })
    }
    await Promise.all(Array.from({ length: 50 }, (_, index) => one(index)))
    const { pushes } = trail.queue
    expect(pushes).toHaveLength(25)
    const expected = Array.from({ length: 25 }, (_, half) => {
      const index = 2 * half + 1
      return [`${index}`, ...(index % 3 === 0 ? [] : [`${index}-inner`]), `${index}-changed`]
    })
    const seen = pushes.map((push) => push.map((event) => newValue(event, 'text')))
    expect(seen.toSorted(([a], [b]) => Number(a) - Number(b))).toEqual(expected)
    for (const push of pushes) {
      expect(new Set(push.map(({ transaction }) => transaction?.id)).size).toBe(1)
      expect(push.map(({ transaction }) => transaction?.n)).toEqual(push.map((_, n) => n + 1))
    }
    const kept = expected.flatMap(([, ...rest]) => rest).toSorted()
    expect((await rows()).toSorted()).toEqual(kept)
  })
})

describe('PostgreSQL', () => {
  beforeAll(() => open('postgres', { poolSize: 2 }, [Entry, Parent, Child]))
  afterAll(() => dataSource.destroy())
  beforeEach(async () => {
    await dataSource.query('TRUNCATE entry, child, parent')
    trail.take()
  })

  it('records nothing of a transaction whose COMMIT was answered with ROLLBACK', async () => {
    await dataSource.transaction(async (manager) => {
      await save(manager, 'a')
      // The application swallows the error; the transaction is aborted all the same.
      await manager.query('SELECT 1 / 0').catch(() => undefined)
    })
    expect(await rows()).toEqual([])
    expect(trail.take()).toEqual([])
    await save(dataSource.manager, 'b')
    expect(texts()).toEqual(['b'])
  })

  it('records what precedes a savepoint that saved the transaction from an error', async () => {
    await dataSource.transaction(async (manager) => {
      await save(manager, 'a')
      const failing = manager.transaction(async (nested) => {
        await save(nested, 'b')
        await nested.query('SELECT 1 / 0')
      })
      await failing.catch(() => undefined)
      await save(manager, 'c')
    })
    expect(texts()).toEqual(['a', 'c'])
    expect(await rows()).toEqual(['a', 'c'])
  })

  it('records nothing when a deferred key makes COMMIT fail', async () => {
    const child = Object.assign(new Child(), { parent: { id: 99 } })
    await expect(dataSource.manager.save(child)).rejects.toThrow(/foreign key/)
    await expect(dataSource.transaction((manager) => manager.save(child))).rejects.toThrow(/foreign key/)
    await withQueryRunner(async (queryRunner) => {
      await queryRunner.query('BEGIN')
      await queryRunner.manager.insert(Child, { parent: { id: 99 } })
      await expect(queryRunner.query('COMMIT')).rejects.toThrow(/foreign key/)
      // No ROLLBACK follows, and what comes now stands alone.
      await queryRunner.manager.insert(Entry, { text: 'a' })
    })
    expect(texts()).toEqual(['a'])
    expect(trail.warnings).toEqual([])
  })

  it('records nothing of a connection that was killed, nor later on its successors', async () => {
    const killed = dataSource.transaction(async (manager) => {
      await save(manager, 'a')
      const [{ pid }] = (await manager.query('SELECT pg_backend_pid() AS pid')) as [{ pid: number }]
      await dataSource.query('SELECT pg_terminate_backend($1)', [pid])
      await waitFor(
        async () => (await dataSource.query('SELECT 1 FROM pg_stat_activity WHERE pid = $1', [pid])).length === 0,
        {
          what: 'the backend to end',
        },
      )
      await save(manager, 'b')
    })
    await expect(killed).rejects.toThrow()
    for (const text of ['c', 'd', 'e']) await dataSource.transaction((manager) => save(manager, text))
    expect(texts()).toEqual(['c', 'd', 'e'])
    expect(await rows()).toEqual(['c', 'd', 'e'])
  })

  it('records nothing of a transaction that was given back without an end', async () => {
    const queryRunner = dataSource.createQueryRunner()
    await queryRunner.startTransaction()
    await save(queryRunner.manager, 'a')
    const [{ pid }] = (await queryRunner.query('SELECT pg_backend_pid() AS pid')) as [{ pid: number }]
    await queryRunner.release()
    expect(trail.take()).toEqual([])
    await dataSource.query('SELECT pg_terminate_backend($1) WHERE $1 <> pg_backend_pid()', [pid]).catch(() => undefined)
  })

  it('sees a transaction in a query of several statements', async () => {
    await withQueryRunner(async (queryRunner) => {
      await queryRunner.query("BEGIN; SET LOCAL application_name = 'a;b'")
      await queryRunner.manager.insert(Entry, { text: 'a' })
      expect(trail.queue.pushes).toEqual([])
      await queryRunner.query('SELECT 1; COMMIT')
      expect(texts()).toEqual(['a'])
      await queryRunner.query('BEGIN')
      await queryRunner.manager.insert(Entry, { text: 'b' })
      await queryRunner.query('SELECT 1; ROLLBACK; SELECT 2')
    })
    expect(texts()).toEqual([])
    expect(await rows()).toEqual(['a'])
  })

  it('numbers what one COMMIT AND CHAIN separates apart', async () => {
    await withQueryRunner(async (queryRunner) => {
      await queryRunner.query('BEGIN')
      await queryRunner.manager.insert(Entry, { text: 'a' })
      await queryRunner.query('COMMIT AND CHAIN')
      await queryRunner.manager.insert(Entry, { text: 'b' })
      await queryRunner.query('ROLLBACK')
    })
    expect(texts()).toEqual(['a'])
    expect(await rows()).toEqual(['a'])
  })

  it('tells nothing where nothing matched, and how many rows did', async () => {
    await save(dataSource.manager, 'a')
    trail.take()
    await dataSource.manager.update(Entry, { text: 'none' }, { text: 'x' })
    await dataSource.manager.delete(Entry, { text: 'none' })
    expect(trail.take()).toEqual([])
    await dataSource.manager.update(Entry, { text: 'a' }, { text: 'x' })
    expect(trail.one().changes).toEqual({ text: { from: 'a', to: 'x' } })
  })

  it('knows the keys of several inserted rows, and of an upsert of one', async () => {
    await dataSource.manager.insert(Entry, [{ text: 'a' }, { text: 'b' }])
    const keys = trail.take().map(({ instance, coverage }) => [instance?.pk, coverage])
    const stored = await dataSource.manager.find(Entry, { order: { id: 'ASC' } })
    expect(keys).toEqual(stored.map(({ id }) => [String(id), undefined]))
    await dataSource.manager.upsert(Entry, { text: 'b' }, ['text'])
    expect(trail.take()).toEqual([])
  })
})

describe('MariaDB', () => {
  beforeAll(() => open('mariadb', { extra: { connectionLimit: 4 } }))
  afterAll(() => dataSource.destroy())
  beforeEach(async () => {
    await dataSource.query('DELETE FROM entry')
    trail.take()
  })

  it('records what a CREATE TABLE commits implicitly, whatever becomes of the rest', async () => {
    await undone(() =>
      dataSource.transaction(async (manager) => {
        await save(manager, 'a')
        await manager.query('CREATE TABLE IF NOT EXISTS implicit (a int)')
        throw new Undo()
      }),
    )
    expect(texts()).toEqual(['a'])
    expect(await rows()).toEqual(['a'])
  })

  it('records nothing of what a deadlock took back, although the application goes on', async () => {
    await dataSource.query('CREATE TABLE contested (id int PRIMARY KEY, n int) ENGINE=InnoDB')
    await dataSource.query('INSERT INTO contested VALUES (1, 0), (2, 0)')
    await withQueryRunner((one) =>
      withQueryRunner(async (two) => {
        const lock = (runner: QueryRunner, id: number) =>
          runner.query('UPDATE contested SET n = n + 1 WHERE id = ?', [id])
        for (const [runner, own] of [
          [one, 1],
          [two, 2],
        ] as const) {
          await runner.startTransaction()
          await save(runner.manager, `before ${own}`)
          await lock(runner, own)
        }
        const outcomes = await Promise.allSettled([lock(one, 2), lock(two, 1)])
        expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
        for (const runner of [one, two]) {
          await save(runner.manager, `after ${runner === one ? 1 : 2}`)
          await runner.commitTransaction()
        }
      }),
    )
    const seen = texts()
    expect(seen).toHaveLength(3)
    expect(seen.toSorted()).toEqual((await rows()).toSorted())
  })

  it('holds what is written while autocommit is off', async () => {
    await withQueryRunner(async (queryRunner) => {
      await queryRunner.query('SET autocommit = 0')
      await queryRunner.manager.insert(Entry, { text: 'a' })
      expect(trail.queue.pushes).toEqual([])
      await queryRunner.query('ROLLBACK')
      await queryRunner.manager.insert(Entry, { text: 'b' })
      await queryRunner.query('COMMIT')
      await queryRunner.query('SET autocommit = 1')
    })
    expect(texts()).toEqual(['b'])
    expect(await rows()).toEqual(['b'])
  })

  it('follows an XA transaction', async () => {
    await withQueryRunner(async (queryRunner) => {
      for (const [id, end] of [
        ['a', 'COMMIT'],
        ['b', 'ROLLBACK'],
      ]) {
        await queryRunner.query(`XA START '${id}'`)
        await queryRunner.manager.insert(Entry, { text: id as string })
        await queryRunner.query(`XA END '${id}'`)
        await queryRunner.query(`XA PREPARE '${id}'`)
        expect(trail.queue.pushes.length).toBe(id === 'a' ? 0 : 1)
        await queryRunner.query(`XA ${end} '${id}'`)
      }
    })
    expect(texts()).toEqual(['a'])
    expect(await rows()).toEqual(['a'])
  })

  it('records nothing of a connection that was killed', async () => {
    const killed = dataSource.transaction(async (manager) => {
      await save(manager, 'a')
      const [{ id }] = (await manager.query('SELECT CONNECTION_ID() AS id')) as [{ id: number }]
      await dataSource.query(`KILL ${id}`)
      await save(manager, 'b')
    })
    await expect(killed).rejects.toThrow()
    await save(dataSource.manager, 'c')
    expect(texts()).toEqual(['c'])
    expect(await rows()).toEqual(['c'])
  })

  it('lets a write fail whose connection is killed while it runs', async () => {
    const other = dataSource.createQueryRunner()
    await other.startTransaction()
    await other.manager.insert(Entry, { id: 500, text: 'locks the key' })
    let id: number | undefined
    const killed = dataSource.transaction(async (manager) => {
      const [own] = (await manager.query('SELECT CONNECTION_ID() AS id')) as [{ id: number }]
      const waiting = manager.insert(Entry, { id: 500, text: 'waits for it' })
      id = own.id
      await waiting
    })
    const outcome = expect(killed).rejects.toThrow()
    const inserting = "SELECT 1 FROM information_schema.processlist WHERE id = ? AND info LIKE 'INSERT%'"
    await waitFor(async () => id !== undefined && (await dataSource.query(inserting, [id])).length > 0, {
      what: 'the insert to wait',
    })
    await dataSource.query(`KILL ${id}`)
    await outcome
    await other.rollbackTransaction()
    await other.release()
    expect(texts()).toEqual([])
  })

  it.each(['mariadb', 'mysql'] as const)('knows the keys of several inserted rows, with type: %s', async (type) => {
    const other = new DataSource({
      ...dataSource.options,
      type,
      synchronize: false,
      subscribers: [],
    } as DataSourceOptions)
    await other.initialize()
    const otherTrail = new Trail()
    otherTrail.attach(other)
    await other.manager.insert(Entry, [{ text: 'a' }, { text: 'b' }])
    const keys = otherTrail.take().map(({ instance, coverage }) => [instance?.pk, coverage])
    expect(keys).toEqual((await other.manager.find(Entry)).map(({ id }) => [String(id), undefined]))
    await other.manager.insert(Entry, [{ text: 'c' }, { id: 1000, text: 'd' }])
    const stored = new Map((await other.manager.find(Entry)).map(({ id, text }) => [text, String(id)]))
    for (const event of otherTrail.take()) {
      expect(event.instance?.pk).toBe(stored.get(String(newValue(event, 'text'))))
    }
    await other.destroy()
  })

  it('tells nothing of an update that changed nothing, or matched nothing', async () => {
    await save(dataSource.manager, 'a')
    trail.take()
    await dataSource.manager.update(Entry, { text: 'a' }, { text: 'a' })
    await dataSource.manager.update(Entry, { text: 'none' }, { text: 'b' })
    await dataSource.manager.delete(Entry, { text: 'none' })
    expect(trail.take()).toEqual([])
    await dataSource.manager.update(Entry, { text: 'a' }, { text: 'b' })
    expect(trail.one().changes).toEqual({ text: { from: 'a', to: 'b' } })
  })
})

describe('SQLite', () => {
  beforeAll(() => open('sqljs', {}, [Entry, Parent, Child]))
  afterAll(() => dataSource.destroy())
  beforeEach(async () => {
    for (const entity of [Entry, Child, Parent]) await dataSource.createQueryBuilder().delete().from(entity).execute()
    trail.take()
  })

  it('keeps the events of a COMMIT that failed and then succeeds', async () => {
    const { manager } = dataSource
    await withQueryRunner(async (queryRunner) => {
      await queryRunner.query('BEGIN')
      await manager.insert(Child, { parent: { id: 1 } })
      await expect(queryRunner.query('COMMIT')).rejects.toThrow(/FOREIGN KEY/)
      expect(trail.queue.pushes).toEqual([])
      await manager.insert(Parent, { id: 1 })
      await queryRunner.query('COMMIT')
    })
    expect(trail.one()).toMatchObject({ instance: { model: 'Child' }, changes: { parent: { to: '1' } } })
  })

  it('goes on holding after release(): the shared connection still has the transaction open', async () => {
    const queryRunner = dataSource.createQueryRunner()
    await queryRunner.startTransaction()
    await save(queryRunner.manager, 'a')
    await queryRunner.release()
    await save(dataSource.manager, 'b')
    expect(trail.take()).toEqual([])
    await queryRunner.rollbackTransaction()
    expect(await rows()).toEqual([])
    await save(dataSource.manager, 'c')
    expect(texts()).toEqual(['c'])
  })

  it('forgets what was open when the data source was destroyed', async () => {
    const other = await new DataSource({
      type: 'sqljs',
      synchronize: true,
      entities: [Entry],
    } as DataSourceOptions).initialize()
    const otherTrail = new Trail()
    otherTrail.attach(other)
    const queryRunner = other.createQueryRunner()
    await queryRunner.startTransaction()
    await save(queryRunner.manager, 'a')
    await other.destroy()
    await other.initialize()
    await save(other.manager, 'b')
    expect(otherTrail.one().changes?.text).toEqual({ to: 'b' })
    await other.destroy()
  })

  it('delivers a transaction whose outermost savepoint was raw', async () => {
    await withQueryRunner(async (queryRunner) => {
      await queryRunner.query('SAVEPOINT outer_one')
      await dataSource.manager.insert(Entry, { text: 'a' })
      expect(trail.queue.pushes).toEqual([])
      await queryRunner.query('RELEASE outer_one')
    })
    expect(texts()).toEqual(['a'])
  })
})
