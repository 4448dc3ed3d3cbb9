import 'reflect-metadata'
import { Column, DataSource, type DataSourceOptions, Entity, PrimaryGeneratedColumn } from 'typeorm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AuditError } from '../../config/errors'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { Owner, Pair, Part, Thing } from '../support/matrix/entities'
import { type MatrixDriver, openTarget } from '../support/matrix/targets'
import { forgetTruth, lines, trailOf, truthOf } from '../support/matrix/truth'
import { createDatabase } from '../support/shared'
import { sqljs, Trail } from '../unit/capture/support'

@Entity()
@AuditUpdateDelete({ mask: ['pin'] })
class Account {
  @PrimaryGeneratedColumn()
  id!: number

  @Column()
  name!: string

  @Column({ type: 'varchar', nullable: true })
  pin!: string | null
}

describe.each(['postgres', 'mariadb'] as const)('%s under load', (driver: MatrixDriver) => {
  let dataSource: DataSource
  let trail: Trail
  let detach: () => void

  beforeAll(async () => {
    const pool = driver === 'postgres' ? { extra: { max: 4 } } : { extra: { connectionLimit: 4 } }
    ;({ dataSource, trail, detach } = await openTarget(driver, pool))
    await dataSource.manager.save(Owner, [{ name: 'Ada' }])
    await dataSource.manager.insert(Thing, [{ name: 'a' }, { name: 'b' }])
    trail.take()
  })
  afterAll(async () => {
    detach()
    await dataSource.destroy()
  })
  beforeEach(() => forgetTruth(dataSource))

  it('50 parallel writers on a pool of 4 end, and the trail is what the triggers noted', async () => {
    const { manager } = dataSource
    const writers = Array.from({ length: 50 }, (_, index) => {
      switch (index % 5) {
        case 0:
          return manager.increment(Thing, { id: 1 }, 'count', 1)
        case 1:
          return manager.update(Thing, 2, { total: String(index) })
        case 2:
          return manager.insert(Pair, { left: 'p', right: index, note: 'n' })
        case 3:
          return manager.save(Part, { name: `part ${index}` })
        default:
          return manager.transaction(async (inner) => {
            await inner.update(Thing, 1, { hidden: `h${index}` })
            await inner.insert(Pair, { left: 't', right: index })
          })
      }
    })
    await Promise.all(writers)
    const truth = await truthOf(dataSource, () => true)
    const plain = (text: string) => text.replace(/hidden:\S+/, 'hidden')
    expect(lines(trailOf(trail.take())).map(plain).sort()).toEqual(lines(truth).map(plain).sort())
  })

  it('clear() is one event for the table, with the number of rows', async () => {
    await dataSource.manager.insert(Part, [{ name: '1' }, { name: '2' }])
    const rows = await dataSource.manager.count(Part)
    trail.take()
    await dataSource.getRepository(Part).clear()
    expect(trail.one()).toMatchObject({
      action: 'OBJ_DELETE',
      instance: { model: 'Part' },
      content: { cleared: true, rows },
    })
    await dataSource.getRepository(Part).clear()
    expect(trail.take()).toEqual([])
  })

  it('an autocommit write raises no transaction events of its own and leaves no transaction open', async () => {
    const heard: string[] = []
    const subscriber = {
      beforeTransactionStart: () => void heard.push('start'),
      afterTransactionCommit: () => void heard.push('commit'),
    }
    dataSource.subscribers.push(subscriber)
    await dataSource.manager.update(Thing, 1, { count: 1000 })
    await dataSource.manager.upsert(Pair, { left: 'u', right: 1, note: 'x' }, ['left', 'right'])
    dataSource.subscribers.splice(dataSource.subscribers.indexOf(subscriber), 1)
    expect(heard).toEqual([])
    expect(trail.take()).toHaveLength(2)
    await expect(dataSource.manager.update(Pair, { left: 'u' }, { left: 'x'.repeat(100) })).rejects.toThrow()
    expect(await dataSource.manager.countBy(Pair, { left: 'u' })).toBe(1)
    expect(trail.take()).toEqual([])
  })
})

describe.each(['postgres', 'mariadb'] as const)('%s with replication', (driver) => {
  it('reads before-images from the master', async () => {
    const { type, ...behind } = await createDatabase(driver)
    // A slave that lags for ever: it has the tables, and no rows.
    const slave = await new DataSource({
      type,
      ...behind,
      entities: [Account, Pair],
      synchronize: true,
    } as DataSourceOptions).initialize()
    const { type: _, ...master } = await createDatabase(driver)
    const replication = { master, slaves: [behind], defaultMode: 'slave' }
    const dataSource = new DataSource({
      type,
      replication,
      entities: [Account, Pair],
      synchronize: true,
    } as DataSourceOptions)
    await dataSource.initialize()
    const trail = new Trail()
    const detach = trail.attach(dataSource)
    await dataSource.manager.insert(Pair, { left: 'a', right: 1, note: 'a' })
    await dataSource.manager.update(Pair, { left: 'a' }, { note: 'b' })
    await dataSource.manager.upsert(Pair, { left: 'a', right: 1, note: 'c' }, ['left', 'right'])
    await dataSource.manager.delete(Pair, { note: 'c' })
    const shown = trail.take().map(({ action, changes }) => [action, changes?.note])
    expect(shown).toEqual([
      ['OBJ_CREATE', { to: 'a' }],
      ['OBJ_UPDATE', { from: 'a', to: 'b' }],
      ['OBJ_UPDATE', { from: 'b', to: 'c' }],
      ['OBJ_DELETE', { from: 'c' }],
    ])
    await dataSource.manager.insert(Account, { name: 'd' })
    trail.take()
    await dataSource.manager.clear(Account)
    expect(trail.one().content).toEqual({ cleared: true, rows: 1 })
    detach()
    await Promise.all([dataSource.destroy(), slave.destroy()])
  })
})

describe.each(['postgres', 'mariadb', 'sqljs'] as const)('%s: a table that lacks a column of its entity', (driver) => {
  it('is written as without capture, also inside a transaction, and the event says what it lacks', async () => {
    const other = await openTarget(driver)
    const { driver: names } = other.dataSource
    for (const verb of ['insert', 'update', 'delete']) {
      const on = driver === 'postgres' ? ` ON ${names.escape('pair')}` : ''
      await other.dataSource.query(`DROP TRIGGER ${names.escape(`truth_pair_${verb}`)}${on}`)
    }
    await other.dataSource.query(`INSERT INTO pair VALUES ('a', 1, NULL)`)
    await other.dataSource.query(`ALTER TABLE pair DROP COLUMN note`)
    const { manager } = other.dataSource
    expect(await manager.update(Pair, { left: 'a' }, { right: 5 })).toMatchObject({ affected: 1 })
    await manager.transaction((inner) => inner.update(Pair, { left: 'a' }, { right: 6 }))
    const events = other.trail.take()
    expect(events.map(({ action, coverage }) => [action, coverage])).toEqual([
      ['OBJ_UPDATE', 'partial'],
      ['OBJ_UPDATE', 'partial'],
    ])
    expect(other.trail.warnings.map(({ code }) => code)).toContain('AUDIT_CAPTURE_FAILED')
    other.detach()
    await other.dataSource.destroy()
  })
})

describe('installing', () => {
  it('is scoped to the data source, counted, and undone by detach', async () => {
    const one = await sqljs([Account])
    const two = await sqljs([Account])
    const prototype = Object.getPrototypeOf(one.createQueryBuilder().update()) as { execute: unknown }
    const original = prototype.execute
    const [first, second] = [new Trail(), new Trail()]
    const detachFirst = first.attach(one)
    expect(first.attach(one)).toBe(detachFirst)
    const detachSecond = second.attach(two)
    await one.manager.insert(Account, { name: 'a' })
    expect(first.take()).toHaveLength(1)
    expect(second.take()).toEqual([])
    detachFirst()
    detachFirst()
    await one.manager.insert(Account, { name: 'b' })
    await two.manager.insert(Account, { name: 'c' })
    expect(first.take()).toEqual([])
    expect(second.take()).toHaveLength(1)
    expect(prototype.execute).not.toBe(original)
    detachSecond()
    expect(prototype.execute).toBe(original)
    await Promise.all([one.destroy(), two.destroy()])
  })

  it('gives what TypeORM gives without it', async () => {
    const plain = await sqljs([Account])
    const audited = await sqljs([Account])
    const trail = new Trail()
    trail.attach(audited)
    const results = async ({ manager }: DataSource) => [
      await manager.insert(Account, [{ name: 'a' }, { name: 'b' }]),
      await manager.update(Account, { name: 'a' }, { name: 'c' }),
      await manager.upsert(Account, { id: 2, name: 'd' }, ['id']),
      await manager.createQueryBuilder().insert().into(Account).values({ name: 'e' }).orIgnore().execute(),
      await manager.delete(Account, { name: 'c' }),
      { ...(await manager.save(Account, { name: 'f', pin: '1' })) },
    ]
    expect(await results(audited)).toEqual(await results(plain))
    expect(JSON.stringify(trail.take())).not.toContain('"pin":{"to":"1"}')
    await Promise.all([plain.destroy(), audited.destroy()])
  })
})

describe('strict', () => {
  it.each(['postgres', 'sqljs'] as const)(
    '%s: refuses before COMMIT a write that would not be accepted',
    async (driver) => {
      const { dataSource, trail } = await openTarget(driver, {}, { strict: true })
      await dataSource.manager.insert(Pair, { left: 'a', right: 1 })
      expect(trail.take()).toHaveLength(1)
      Object.assign(trail.recorder, { refusal: () => new AuditError('AUDIT_CLOSED', {}) })
      const refused = { code: 'AUDIT_STRICT' }
      await expect(dataSource.manager.insert(Pair, { left: 'b', right: 1 })).rejects.toMatchObject(refused)
      await expect(dataSource.manager.save(Pair, { left: 'c', right: 1 })).rejects.toMatchObject(refused)
      await expect(dataSource.manager.update(Pair, { left: 'a' }, { note: 'x' })).rejects.toMatchObject(refused)
      await expect(dataSource.manager.clear(Pair)).rejects.toMatchObject(refused)
      Reflect.deleteProperty(trail.recorder, 'refusal')
      expect(await dataSource.manager.find(Pair)).toEqual([{ left: 'a', right: 1, note: null }])
      expect(trail.take()).toEqual([])
      await dataSource.destroy()
    },
  )

  it('refuses a write whose event could not be built, also outside a transaction', async () => {
    const { dataSource, trail } = await openTarget('postgres', {}, { strict: true })
    await dataSource.manager.insert(Pair, { left: 'a', right: 1 })
    trail.take()
    const { capture } = trail.recorder
    trail.recorder.capture = () => {
      throw new Error('out of order')
    }
    await expect(dataSource.manager.update(Pair, { left: 'a' }, { note: 'x' })).rejects.toThrow('out of order')
    await expect(dataSource.manager.save(Pair, { left: 'a', right: 1, note: 'y' })).rejects.toThrow('out of order')
    trail.recorder.capture = capture
    expect(await dataSource.manager.findOneByOrFail(Pair, { left: 'a' })).toMatchObject({ note: null })
    await dataSource.manager.update(Pair, { left: 'a' }, { note: 'z' })
    expect(trail.one().changes).toEqual({ note: { from: null, to: 'z' } })
    await dataSource.destroy()
  })
})
