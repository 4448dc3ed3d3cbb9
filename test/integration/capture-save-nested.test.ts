import 'reflect-metadata'
import { Column, Entity, type EntityManager, ManyToOne, OneToMany, PrimaryColumn } from 'typeorm'
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

type Listener = (event: { manager: EntityManager }) => Promise<unknown>

/** As a subscriber writes that must not hear of itself. */
const unheard = {
  async insert(manager: EntityManager): Promise<unknown> {
    const query = manager.createQueryBuilder().insert().into(Child).values({ id: 7, name: 'c' })
    return query.callListeners(false).execute()
  },
  async update(manager: EntityManager, entity: Parent | Child, set: object): Promise<unknown> {
    const query = manager.createQueryBuilder().update(entity.constructor).set(set).whereEntity(entity)
    return query.callListeners(false).execute()
  },
}

describe.each(['postgres', ...DRIVERS] as const)('what a listener writes unheard during save(), %s', (driver) => {
  async function target(hook: string, listener: Listener) {
    const { dataSource, manager, trail } = await open(driver as (typeof DRIVERS)[number])
    const parent = await manager.save(Object.assign(new Parent(), { id: 1, name: 'a', count: 0 }))
    const child = await manager.save(Object.assign(new Child(), { id: 2, name: 'c' }))
    trail.take()
    const once = async (event: { manager: EntityManager }) => {
      if (dataSource.subscribers.pop() !== undefined) await listener(event)
    }
    dataSource.subscribers.push({ [hook]: once } as never)
    return { manager, trail, parent, child }
  }
  const told = ({ action, changes }: { action: string; changes?: unknown }) => [action, changes]

  it.each(['beforeInsert', 'afterInsert', 'beforeTransactionCommit'])('an INSERT in %s', async (hook) => {
    const { manager, trail } = await target(hook, (event) => unheard.insert(event.manager))
    await manager.save(Object.assign(new Parent(), { id: 3, name: 'b' }))
    const events = trail.take()
    expect(events.map(({ instance }) => instance?.pk).sort(), summary(events)).toEqual(['3', '7'])
    expect(events.map(({ action }) => action)).toEqual(['OBJ_CREATE', 'OBJ_CREATE'])
  })

  it.each(['beforeUpdate', 'afterUpdate', 'afterLoad'])('an UPDATE of another row in %s', async (hook) => {
    const { manager, trail, parent, child } = await target(hook, (event) =>
      unheard.update(event.manager ?? manager, child, { name: 'd' }),
    )
    await manager.save(Object.assign(parent, { name: 'b' }))
    const events = trail.take()
    expect(events.map(told), summary(events)).toEqual(
      expect.arrayContaining([
        ['OBJ_UPDATE', { name: { from: 'c', to: 'd' } }],
        ['OBJ_UPDATE', { name: { from: 'a', to: 'b' } }],
      ]),
    )
    expect(events).toHaveLength(2)
  })

  it.each(['beforeUpdate', 'afterUpdate'])('an UPDATE of the same row in %s', async (hook) => {
    const { manager, trail, parent } = await target(hook, (event) =>
      unheard.update(event.manager, parent, { count: 5 }),
    )
    await manager.save(Object.assign(parent, { name: 'b' }))
    const events = trail.take()
    const changes = events.map((event) => event.changes)
    expect(changes, summary(events)).toEqual(
      expect.arrayContaining([{ count: { from: 0, to: 5 } }, { name: { from: 'a', to: 'b' } }]),
    )
    expect(events).toHaveLength(2)
  })
})
