import 'reflect-metadata'
import { Column, Entity, ManyToOne, OneToMany, PrimaryColumn } from 'typeorm'
import { afterEach, describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { type AuditedSource, openAudited } from '../support/audited-source'
import { summary } from '../unit/capture/support'

const lower = {
  to: (value: unknown) => (typeof value === 'string' ? value.toLowerCase() : value),
  from: (v: unknown) => v,
}

@Entity()
@AuditUpdateDelete
class Round {
  @PrimaryColumn({ type: 'int' }) id!: number
  @Column({ type: 'datetime', nullable: true }) at!: Date | null
  @Column({ type: 'decimal', precision: 10, scale: 2, nullable: true }) total!: string | null
  @Column({ type: 'int', nullable: true }) n!: number | null
  @Column({ type: 'set', enum: ['a', 'b', 'c'], nullable: true }) flags!: string[] | null
  @Column({ type: 'enum', enum: ['open', 'closed'], nullable: true }) state!: string | null
  @Column({ type: 'varchar', length: 50, nullable: true, transformer: lower }) mail!: string | null
}
@Entity()
@AuditUpdateDelete
class Stamp {
  @PrimaryColumn({ type: 'int' }) id!: number
  @Column({ type: 'varchar', length: 20, nullable: true }) note!: string | null
  @Column({
    type: 'timestamp',
    precision: 6,
    default: () => 'CURRENT_TIMESTAMP(6)',
    onUpdate: 'CURRENT_TIMESTAMP(6)',
  })
  touched!: Date
}
@Entity()
@AuditUpdateDelete
class Counter {
  @PrimaryColumn({ type: 'int' }) id!: number
  @Column({ type: 'int' }) n!: number
}
@Entity()
@AuditUpdateDelete
class Parent {
  @PrimaryColumn({ type: 'int' }) id!: number
  @Column({ type: 'varchar', length: 20, nullable: true }) name!: string | null
  @Column({ type: 'int', default: 0 }) count!: number
  @OneToMany(
    () => Child,
    (child) => child.parent,
    { cascade: true },
  )
  children!: Child[]
}
@Entity()
@AuditUpdateDelete
class Child {
  @PrimaryColumn({ type: 'int' }) id!: number
  @Column({ type: 'varchar', length: 20, nullable: true }) name!: string | null
  @ManyToOne(
    () => Parent,
    (parent) => parent.children,
    { nullable: true },
  )
  parent!: Parent | null
}

const entities = [Round, Stamp, Counter, Parent, Child]
const opened: AuditedSource[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

async function open(driver: 'mariadb' | 'mysql'): Promise<AuditedSource> {
  const source = await openAudited(driver, entities)
  opened.push(source)
  return source
}

describe.each(['mariadb', 'mysql'] as const)("what save() is told, type: '%s'", (driver) => {
  it('save(): what a subscriber does before does not silence the event', async () => {
    const { dataSource, manager, trail } = await open(driver)
    await manager.insert(Parent, { id: 1, name: 'a' })
    trail.take()
    const beforeUpdate = async (event: { databaseEntity?: unknown; manager: typeof manager }) => {
      if (event.databaseEntity) await event.manager.update(Parent, 1, { count: 1 })
    }
    dataSource.subscribers.push({ listenTo: () => Parent, beforeUpdate } as never)
    const parent = await manager.findOneByOrFail(Parent, { id: 1 })
    parent.name = 'b'
    await manager.save(parent)
    const told = trail.take().map(({ changes }) => changes)
    expect(told).toEqual([{ count: { from: 0, to: 1 } }, { name: { from: 'a', to: 'b' } }])
  })
  it('save(): nor does a write to another data source', async () => {
    const [one, two] = [await open(driver), await open(driver)]
    for (const { manager, trail } of [one, two]) {
      await manager.insert(Counter, { id: 1, n: 1 })
      trail.take()
    }
    const beforeUpdate = () => two.manager.update(Counter, 1, { n: 50 })
    one.dataSource.subscribers.push({ listenTo: () => Counter, beforeUpdate } as never)
    const counter = await one.manager.findOneByOrFail(Counter, { id: 1 })
    counter.n = 2
    await one.manager.save(counter)
    expect(one.trail.take().map(({ changes }) => changes)).toEqual([{ n: { from: 1, to: 2 } }])
    expect(two.trail.take().map(({ changes }) => changes)).toEqual([{ n: { from: 1, to: 50 } }])
  })
  it('save() of a child that is changed and of the parent that loses it tells of both', async () => {
    const { manager, trail } = await open(driver)
    const child = Object.assign(new Child(), { id: 1, name: 'c' })
    await manager.save(Object.assign(new Parent(), { id: 1, name: 'p', count: 0, children: [child] }))
    trail.take()
    const parent = await manager.findOneOrFail(Parent, { where: { id: 1 }, relations: { children: true } })
    const [loaded] = parent.children as [Child]
    parent.children = []
    loaded.name = 'changed'
    await manager.save([loaded, parent] as object[])
    const events = trail.take()
    const names = events.flatMap(({ changes }) => Object.keys(changes ?? {}))
    expect(names.sort(), summary(events)).toEqual(['name', 'parent'])
  })
  it('save(): to is what the database has', async () => {
    const { manager, trail } = await open(driver)
    const at = new Date('2026-01-01T00:00:00Z')
    await manager.insert(Round, { id: 1, at, total: '1.00', n: 1, flags: ['a'], state: 'open', mail: 'a@b' })
    trail.take()
    const round = await manager.findOneByOrFail(Round, { id: 1 })
    Object.assign(round, { at: new Date('2026-01-02T00:00:00.700Z'), total: '2.004', n: 2.6 })
    Object.assign(round, { flags: ['c', 'a'], state: 'CLOSED', mail: 'X@Y' })
    await manager.save(round)
    const { at: day, total, n, flags, state, mail } = await manager.findOneByOrFail(Round, { id: 1 })
    const told = Object.entries(trail.one().changes ?? {}).map(([name, one]) => [name, (one as { to?: unknown }).to])
    expect(Object.fromEntries(told)).toEqual({ at: day?.toISOString(), total, n, flags, state, mail })
  })
  it('save() of several rows that the database keeps as they are tells nothing', async () => {
    const { manager, trail } = await open(driver)
    await manager.insert(Round, [
      { id: 1, total: '1.00' },
      { id: 2, total: '2.00' },
    ])
    trail.take()
    const rows = await manager.find(Round)
    for (const row of rows) row.total = `${row.total}1`
    await manager.save(rows)
    const events = trail.take()
    expect(events, summary(events)).toEqual([])
  })
  it('save(): ON UPDATE CURRENT_TIMESTAMP is among what was changed', async () => {
    const { manager, trail } = await open(driver)
    await manager.insert(Stamp, { id: 1, note: 'x' })
    trail.take()
    const stamp = await manager.findOneByOrFail(Stamp, { id: 1 })
    stamp.note = 'y'
    await manager.save(stamp)
    expect(Object.keys(trail.one().changes ?? {})).toEqual(['note', 'touched'])
  })
})
