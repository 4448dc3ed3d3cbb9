import 'reflect-metadata'
import { Column, Entity, ManyToOne, OneToMany, PrimaryColumn } from 'typeorm'
import { describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { auditedSources } from '../support/audited-source'
import { summary } from '../unit/capture/support'

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

const DRIVERS = ['mariadb', 'mysql', 'sqljs', 'better-sqlite3'] as const
const open = auditedSources<(typeof DRIVERS)[number]>([Parent, Child])

describe.each(DRIVERS)('writes within a save(), %s', (driver) => {
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

  it.each(['insert', 'save'] as const)('%s(): a subscriber that was there before and throws', async (verb) => {
    const { dataSource, manager, trail } = await open(driver)
    await manager.insert(Parent, { id: 1 })
    trail.attach(dataSource)()
    const thrower = () => {
      throw new Error('the search index is down')
    }
    dataSource.subscribers.push({ afterInsert: thrower, afterUpdate: thrower } as never)
    trail.attach(dataSource)
    trail.take()
    const writing =
      verb === 'insert'
        ? manager.insert(Parent, { id: 2, name: 'b' })
        : manager.save(manager.create(Parent, { id: 1, name: 'b' }), { transaction: false })
    await expect(writing).rejects.toThrow('index')
    expect(await manager.countBy(Parent, { name: 'b' })).toBe(1)
    expect(trail.one().changes).toMatchObject({ name: { to: 'b' } })
  })
})
