import 'reflect-metadata'
import { setTimeout as delay } from 'node:timers/promises'
import { Column, Entity, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm'
import { describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { auditedSources } from '../support/audited-source'
import { summary } from '../unit/capture/support'

@Entity()
@AuditUpdateDelete
class Task {
  @PrimaryGeneratedColumn() id!: number
  @Column({ type: 'int', default: 0 }) prio!: number
  @Column({ type: 'int', default: 0 }) taken!: number
  @Column({ type: 'varchar', length: 200, default: 'a long text, as rows have them' }) text!: string
}
@Entity()
@AuditUpdateDelete
class Sample {
  @PrimaryColumn({ type: 'int' }) sensor!: number
  @PrimaryColumn({ type: 'datetime', precision: 3 }) at!: Date
  @Column({ type: 'varchar', length: 20 }) v!: string
}
@Entity()
@AuditUpdateDelete
class Bin {
  @PrimaryColumn({ type: 'varbinary', length: 16 }) id!: Buffer
  @Column({ type: 'varchar', length: 20 }) v!: string
}
@Entity()
@AuditUpdateDelete
class Counter {
  @PrimaryColumn({ type: 'int' }) id!: number
  @Column({ type: 'int' }) n!: number
}
@Entity()
@AuditUpdateDelete
class Session {
  @PrimaryColumn({ type: 'int' }) id!: number
  @Column({ type: 'datetime', precision: 6 }) expires!: Date
  @Column({ type: 'int', default: 0 }) done!: number
}
@Entity()
@AuditUpdateDelete
class Doc {
  @PrimaryColumn({ type: 'int' }) id!: number
  @Column({ type: 'longtext' }) body!: string
  @Column({ type: 'int', default: 0 }) n!: number
}
@Entity()
@AuditUpdateDelete
class Place {
  @PrimaryColumn({ type: 'int' }) id!: number
  @Column({ type: 'point', nullable: true }) point!: string
}

const open = auditedSources<'mariadb' | 'mysql'>([Task, Sample, Bin, Counter, Session, Doc, Place])

describe.each(['mariadb', 'mysql'] as const)("the rows of a statement, type: '%s'", (driver) => {
  it('ORDER BY … LIMIT with ties: the events are of the rows that were written', async () => {
    const { manager, trail } = await open(driver)
    await manager.insert(
      Task,
      Array.from({ length: 1500 }, (_, i) => ({ prio: i % 3 })),
    )
    await manager.query('CREATE INDEX task_taken ON task (taken)')
    trail.take()
    const update = manager.createQueryBuilder().update(Task).set({ taken: 1 }).where('taken = 0')
    await update.orderBy('prio').limit(7).execute()
    const rows = (await manager.query('SELECT id FROM task WHERE taken = 1')) as { id: number }[]
    const told = trail.take().map((event) => event.instance?.pk)
    expect(told.sort()).toEqual(rows.map(({ id }) => String(id)).sort())
  })
  it('rows that are chosen by chance: the events are of those that were written', async () => {
    const { manager, trail } = await open(driver)
    await manager.insert(
      Bin,
      Array.from({ length: 200 }, (_, n) => ({ id: Buffer.from([n]), v: 'a' })),
    )
    trail.take()
    const update = () => manager.createQueryBuilder().update(Bin).set({ v: 'b' })
    const half = await update().where('RAND() < 0.5 -- half of them').execute()
    expect(half.affected).toBeGreaterThan(60)
    const more = await update().where("v = 'a'").orderBy('RAND()').limit(5).execute()
    expect(more.affected).toBe(5)
    const rows = await manager.findBy(Bin, { v: 'b' })
    const told = trail.take().map(({ instance }) => instance?.pk)
    expect(told.sort()).toEqual(rows.map(({ id }) => id.toString('hex')).sort())
  })
  it('DELETE by chance, and by keys that cannot be given back: the events are of the rows, or say so', async () => {
    const { manager, trail } = await open(driver)
    const at = (n: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, 0, n))
    await manager.insert(
      Task,
      Array.from({ length: 100 }, () => ({})),
    )
    await manager.insert(
      Sample,
      Array.from({ length: 100 }, (_, n) => ({ sensor: 1, at: at(n), v: 'a' })),
    )
    trail.take()
    await manager.createQueryBuilder().delete().from(Task).where('RAND() < 0.5').execute()
    expect(trail.take()).toHaveLength(100 - (await manager.count(Task)))
    await manager.createQueryBuilder().update(Sample).set({ v: 'b' }).where('RAND() < 0.5').execute()
    expect(trail.take().some(({ coverage }) => coverage === 'partial')).toBe(true)
  })
  it('keys that are dates of the same second are told apart', async () => {
    const { manager, trail } = await open(driver)
    await manager.insert(Sample, [
      { sensor: 1, at: new Date('2026-01-01T00:00:00.100Z'), v: 'a' },
      { sensor: 1, at: new Date('2026-01-01T00:00:00.200Z'), v: 'b' },
    ])
    trail.take()
    await manager.update(Sample, { sensor: 1 }, { v: () => "concat(v, 'x')" })
    const told = trail.take().map((event) => event.changes?.v)
    expect(told).toEqual([
      { from: 'a', to: 'ax' },
      { from: 'b', to: 'bx' },
    ])
  })
  it('binary keys that are no text are told apart', async () => {
    const { manager, trail } = await open(driver)
    const [one, two] = [Buffer.from([0xfe]), Buffer.from([0xff])]
    await manager.insert(Bin, [
      { id: one, v: 'a' },
      { id: two, v: 'b' },
    ])
    trail.take()
    await manager
      .createQueryBuilder()
      .update(Bin)
      .set({ v: () => "concat(v, 'x')" })
      .where("v < 'z'")
      .execute()
    if (driver === 'mariadb')
      await manager.upsert(
        Bin,
        [
          { id: one, v: 'a1' },
          { id: two, v: 'b1' },
        ],
        ['id'],
      )
    const told = trail.take().map((event) => [event.instance?.pk, event.changes])
    const upserted = [
      ['fe', { v: { from: 'ax', to: 'a1' } }],
      ['ff', { v: { from: 'bx', to: 'b1' } }],
    ]
    expect(told).toEqual([
      ['fe', { v: { from: 'a', to: 'ax' } }],
      ['ff', { v: { from: 'b', to: 'bx' } }],
      ...(driver === 'mariadb' ? upserted : []),
    ])
  })
  it('READ COMMITTED: a row that another connection adds before the UPDATE is not missing', async () => {
    const { dataSource, manager, trail } = await open(driver)
    await manager.insert(Counter, { id: 1, n: 5 })
    trail.take()
    let once = true
    const beforeQuery = async ({ query }: { query: string }) => {
      if (!once || !query.includes('UPDATE `counter`')) return
      once = false
      const other = dataSource.createQueryRunner()
      await other.query('INSERT INTO counter VALUES (2, 5)')
      await other.release()
    }
    dataSource.subscribers.push({ beforeQuery } as never)
    const { affected } = await manager.transaction('READ COMMITTED', (inner) =>
      inner.update(Counter, { n: 5 }, { n: 6 }),
    )
    const events = trail.take()
    const known = events.filter(({ coverage }) => coverage === undefined).length
    // Either both are told of, or it is said that one is not.
    expect([affected, events.length], summary(events)).toEqual([2, 2])
    expect(known).toBeGreaterThan(0)
  })
  it.each(['update', 'delete'] as const)(
    '%s WHERE … NOW(): a row that is only then due is not missing',
    async (verb) => {
      const { dataSource, manager, trail } = await open(driver)
      await manager.insert(Session, { id: 1, expires: new Date(0) })
      await manager.query('INSERT INTO session (id, expires) VALUES (2, NOW(6) + INTERVAL 400000 MICROSECOND)')
      trail.take()
      const beforeQuery = async ({ query }: { query: string }) => {
        if (/UPDATE `session`|DELETE FROM/.test(query)) await delay(700)
      }
      dataSource.subscribers.push({ beforeQuery } as never)
      const builder = manager.createQueryBuilder()
      const { affected } =
        verb === 'update'
          ? await builder.update(Session).set({ done: 1 }).where('expires < NOW(6)').execute()
          : await builder.delete().from(Session).where('expires < NOW(6)').execute()
      const events = trail.take()
      expect([affected, events.length], summary(events)).toEqual([2, 2])
    },
  )
  it('error 1020 (innodb_snapshot_isolation) takes the transaction with it', async () => {
    const { dataSource, manager, trail } = await open(driver)
    await manager.insert(Counter, [
      { id: 1, n: 5 },
      { id: 2, n: 5 },
    ])
    trail.take()
    await manager.transaction('REPEATABLE READ', async (inner) => {
      // The default from MariaDB 11.6 on.
      await inner.query('SET SESSION innodb_snapshot_isolation = ON')
      await inner.query('SELECT * FROM counter')
      await inner.update(Counter, 1, { n: 6 })
      const other = dataSource.createQueryRunner()
      await other.query('UPDATE counter SET n = 9 WHERE id = 2')
      await other.release()
      await expect(inner.update(Counter, 2, { n: 6 })).rejects.toMatchObject({ errno: 1020 })
    })
    expect(await manager.query('SELECT n FROM counter WHERE id = 1')).toEqual([{ n: 5 }])
    expect(trail.take()).toEqual([])
  })
  it('an upsert into a table with a large document succeeds', async () => {
    const { manager } = await open(driver)
    await manager.query("INSERT INTO doc (id, body) VALUES (1, REPEAT('x', 9000000))")
    await manager.upsert(Doc, { id: 1, n: 2, body: 'y' }, ['id'])
    expect(await manager.query('SELECT n FROM doc')).toEqual([{ n: 2 }])
  })
  it('DDL that fails has committed what was written before it', async () => {
    const { manager, trail } = await open(driver)
    await manager.query('CREATE TABLE other (a int)')
    const outcome = manager.transaction(async (inner) => {
      await inner.insert(Counter, { id: 1, n: 5 })
      await inner.query('CREATE TABLE other (a int)').catch(() => undefined)
      throw new Error('rolled back')
    })
    await expect(outcome).rejects.toThrow('rolled back')
    expect(await manager.query('SELECT id FROM counter')).toHaveLength(1)
    expect(trail.take()).toHaveLength(1)
  })
  it.each([true, false])(
    'a write that cannot be put otherwise is made as it is (in a transaction: %s)',
    async (within) => {
      const { dataSource, manager, trail } = await open(driver)
      await manager.insert(Counter, { id: 1, n: 5 })
      trail.take()
      const runner = dataSource.createQueryRunner()
      await runner.query('SET SESSION sql_mode = ORACLE')
      if (within) await runner.startTransaction()
      await runner.manager.update(Counter, { id: 1 }, { n: 6 })
      await runner.manager.upsert(Counter, { id: 1, n: 7 }, ['id'])
      await runner.manager.insert(Counter, [
        { id: 2, n: 8 },
        { id: 3, n: 9 },
      ])
      await runner.manager.delete(Counter, { id: 2 })
      if (within) await runner.commitTransaction()
      await runner.query('SET SESSION sql_mode = DEFAULT')
      await runner.release()
      expect(await manager.find(Counter, { order: { id: 'ASC' } })).toMatchObject([
        { id: 1, n: 7 },
        { id: 3, n: 9 },
      ])
      const actions = trail.take().map(({ action }) => action)
      expect(actions.filter((action) => action === 'OBJ_UPDATE')).toHaveLength(2)
      expect(actions.length).toBeGreaterThanOrEqual(4)
    },
  )
  it('LOCK TABLES holds until UNLOCK TABLES, and so do transactions again after it', async () => {
    const { dataSource, manager, trail } = await open(driver)
    await manager.insert(Counter, { id: 1, n: 5 })
    trail.take()
    const runner = dataSource.createQueryRunner()
    const isLocked = async () => {
      const other = dataSource.createQueryRunner()
      await other.query('SET SESSION lock_wait_timeout = 1')
      const failed = await other.query('LOCK TABLES counter READ').catch((error: { errno: number }) => error.errno)
      await other.query('UNLOCK TABLES')
      await other.release()
      return failed === 1205
    }
    await runner.query('LOCK TABLES counter WRITE')
    await runner.manager.update(Counter, { id: 1 }, { n: 6 })
    await runner.manager.delete(Counter, { id: 2 })
    expect(await isLocked()).toBe(true)
    await runner.query('UNLOCK TABLES')
    expect(await isLocked()).toBe(false)
    await runner.manager.update(Counter, { id: 1 }, { n: 7 })
    await runner.release()
    expect(trail.take().map(({ changes, transaction }) => [changes?.n, transaction])).toEqual([
      [{ from: 5, to: 6 }, undefined],
      [{ from: 6, to: 7 }, undefined],
    ])
  })
  it('twenty inserts at once in a transaction raise no warning', async () => {
    const { manager } = await open(driver)
    const warnings: string[] = []
    const listen = ({ message }: Error) => void warnings.push(message)
    process.on('warning', listen)
    await manager.transaction((inner) =>
      Promise.all(Array.from({ length: 20 }, (_, id) => inner.insert(Counter, { id, n: 1 }))),
    )
    await delay(50)
    process.off('warning', listen)
    expect(warnings).toEqual([])
  })
  it('a point is what the entity has', async () => {
    const { manager, trail } = await open(driver)
    await manager.insert(Place, { id: 1, point: 'POINT(1 2)' })
    trail.take()
    await manager.update(Place, 1, { point: 'POINT(3 4)' })
    expect(trail.one().changes).toEqual({ point: { from: 'POINT(1 2)', to: 'POINT(3 4)' } })
  })
  it('the parameters of a QueryFailedError are the application’s', async () => {
    const { manager } = await open(driver)
    await manager.insert(Counter, { id: 1, n: 5 })
    const failing = manager.update(Counter, 1, { n: () => 'nonsense' })
    await expect(failing).rejects.toMatchObject({ parameters: [1] })
  })
})
