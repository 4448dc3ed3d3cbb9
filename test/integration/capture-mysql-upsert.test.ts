import 'reflect-metadata'
import { Column, Entity, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm'
import { describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { auditedSources } from '../support/audited-source'

@Entity()
@AuditUpdateDelete
class Person {
  @PrimaryColumn({ type: 'varchar', length: 40 }) id!: string
  @Column({ type: 'varchar', length: 40, unique: true, nullable: true }) email!: string | null
  @Column({ type: 'int' }) n!: number
}
@Entity()
@AuditUpdateDelete
class Note {
  @PrimaryGeneratedColumn() id!: number
  @Column({ type: 'varchar', length: 40 }) text!: string
}
@Entity()
@AuditUpdateDelete
class Singleton {
  @PrimaryColumn({ type: 'varchar', length: 10, default: 'only' }) id!: string
  @Column({ type: 'varchar', length: 40 }) text!: string
}
const open = auditedSources<'mariadb' | 'mysql'>([Person, Note, Singleton])
const DRIVERS = ['mariadb', 'mysql'] as const

describe.each(DRIVERS)("an upsert, type: '%s'", (driver) => {
  it('by a key in another spelling is an update', async () => {
    const { manager, trail } = await open(driver)
    await manager.insert(Person, { id: 'ada@example.org', n: 1 })
    trail.take()
    await manager.upsert(Person, { id: 'Ada@Example.org', n: 2 }, ['id'])
    expect(trail.one()).toMatchObject({
      action: 'OBJ_UPDATE',
      instance: { pk: 'ada@example.org' },
      changes: { id: { from: 'ada@example.org', to: 'Ada@Example.org' }, n: { from: 1, to: 2 } },
    })
  })
  it('tells for each row whether it was there, also where it changes the key', async () => {
    const { manager, trail } = await open(driver)
    await manager.insert(Person, [
      { id: 'a', email: 'x@y', n: 1 },
      { id: 'c', email: 'c@y', n: 1 },
    ])
    trail.take()
    const result = await manager.upsert(
      Person,
      [
        { id: 'b', email: 'x@y', n: 2 },
        { id: 'a', email: 'new@y', n: 3 },
        { id: 'c', email: 'c@y', n: 1 },
        { id: 'a', email: 'new@y', n: 4 },
        { id: 'd', email: 'd@y', n: 5 },
      ],
      ['email'],
    )
    const told = trail.take().map(({ action, instance, changes }) => [action, instance?.pk, changes])
    const [was, is] = [(from: unknown, to: unknown) => ({ from, to }), (to: unknown) => ({ to })]
    const moved = ['OBJ_UPDATE', 'a', { id: was('a', 'b'), n: was(1, 2) }]
    const created = (n: number) => ['OBJ_CREATE', 'a', { id: is('a'), email: is('new@y'), n: is(n) }]
    const last = ['OBJ_CREATE', 'd', { id: is('d'), email: is('d@y'), n: is(5) }]
    // MySQL returns no rows: what the statement itself has overwritten is not known.
    expect(told).toEqual(
      driver === 'mysql' ? [moved, last, created(4)] : [moved, created(3), ['OBJ_UPDATE', 'a', { n: was(3, 4) }], last],
    )
    expect(result.raw).toMatchObject({ affectedRows: 2 + 1 + 1 + 2 + 1 })
  })
  it('tells nothing of a row that another transaction wrote before, and that the upsert left so', async () => {
    const { dataSource, manager, trail } = await open(driver)
    await manager.insert(Person, { id: 'a', n: 1 })
    trail.take()
    const beforeQuery = ({ query }: { query: string }) =>
      query.startsWith('INSERT') ? dataSource.createQueryRunner().query('UPDATE person SET n = 2') : undefined
    dataSource.subscribers.push({ beforeQuery } as never)
    await manager.upsert(Person, { id: 'a', n: 2 }, ['id'])
    expect(trail.take()).toEqual([])
    await manager.upsert(Person, { id: 'a', n: 3 }, ['id'])
    expect(trail.one().changes).toEqual({ n: { from: 2, to: 3 } })
  })

  it('by a key that a subscriber sets is one by that key', async () => {
    const { dataSource, manager, trail } = await open(driver)
    await manager.insert(Person, { id: 'a', n: 1 })
    trail.take()
    const beforeInsert = ({ entity }: { entity: Person }) => {
      entity.id = 'a'
    }
    dataSource.subscribers.push({ listenTo: () => Person, beforeInsert } as never)
    const upsert = (n: number) =>
      manager.createQueryBuilder().insert().into(Person).values({ n }).orUpdate(['n']).execute()
    await upsert(1)
    expect(trail.take()).toEqual([])
    await upsert(2)
    expect(trail.one()).toMatchObject({
      action: 'OBJ_UPDATE',
      instance: { pk: 'a' },
      changes: { n: { from: 1, to: 2 } },
    })
  })
  it('by no key that may be there is an insert', async () => {
    const { manager, trail } = await open(driver)
    const insert = manager
      .createQueryBuilder()
      .insert()
      .into(Note)
      .values([{ text: 'a' }, { text: 'b' }])
    await insert.orUpdate(['text']).execute()
    expect(trail.take().map(({ action, instance, changes }) => [action, instance?.pk, changes?.text])).toEqual([
      ['OBJ_CREATE', '1', { to: 'a' }],
      ['OBJ_CREATE', '2', { to: 'b' }],
    ])
  })
  it('by a key that the database makes is told of, or said not to be known', async () => {
    const { manager, trail } = await open(driver)
    const upsert = (text: string) =>
      manager.createQueryBuilder().insert().into(Singleton).values({ text }).orUpdate(['text']).updateEntity(false)
    await upsert('a').execute()
    await upsert('b').execute()
    const told = trail.take().map(({ action, coverage, changes }) => coverage ?? [action, changes?.text])
    expect(told).toEqual(driver === 'mysql' ? ['partial', 'partial'] : [['OBJ_CREATE', { to: 'a' }], 'partial'])
  })
  it.each([1, 3, 40])('of %i rows by 30 writers at once: each is told of once', async (n) => {
    const { dataSource, manager, trail } = await open(driver)
    const written: number[] = []
    const write = async (writer: number) => {
      for (let turn = 0; turn < 5; turn += 1) {
        const rows = Array.from({ length: n }, (_, index) => ({
          id: `${(writer + index) % 50}`,
          n: written.length + index,
        }))
        written.push(...rows.map((row) => row.n))
        await dataSource.manager.upsert(
          Person,
          rows.sort((a, b) => (a.id < b.id ? -1 : 1)),
          ['id'],
        )
      }
    }
    await Promise.all(Array.from({ length: 30 }, (_, writer) => write(writer)))
    const events = trail.take()
    const whole = events.filter(({ coverage }) => coverage === undefined)
    const unread = events.flatMap(({ coverage_reason: why }) => (why === undefined ? [] : Number.parseInt(why, 10)))
    expect(whole.length + unread.reduce((sum, rows) => sum + rows, 0)).toBe(written.length)
    const numbers = whole.map(({ changes }) => changes?.n as { from?: number; to: number })
    const to = numbers.map((n) => n.to)
    expect(new Set(to).size).toBe(to.length)
    // What was overwritten is what somebody wrote, and nothing twice.
    const from = numbers.flatMap((n) => n.from ?? [])
    expect(new Set(from).size).toBe(from.length)
    const created = whole.filter(({ action }) => action === 'OBJ_CREATE').map(({ instance }) => instance?.pk)
    expect(new Set(created).size).toBe(created.length)
    expect(await manager.count(Person)).toBeGreaterThanOrEqual(created.length)
  })
})
