import type { DataSource } from 'typeorm'
import {
  Address,
  Animal,
  Cat,
  Dog,
  Leaf,
  Nest,
  Owner,
  Pair,
  Part,
  Path,
  Tag,
  Thing,
  Ticket,
  Unaudited,
} from './entities'

export interface WritePath {
  name: string
  run(dataSource: DataSource): Promise<unknown>
  /** Where something other than the database's own record is expected, said and checked by the test. */
  partial?: boolean
}

const thing = (name: string, more: Partial<Thing> = {}): Thing => Object.assign(new Thing(), { name, ...more })

/** What is there before each path. */
export async function seed({ manager }: DataSource): Promise<void> {
  const owners = await manager.save(Owner, [{ name: 'Ada' }, { name: 'Bob' }])
  await manager.save(Tag, [{ name: 'red' }, { name: 'green' }, { name: 'blue' }])
  await manager.save(Thing, [
    thing('one', { total: '1.00', hidden: 'h1', owner: owners[0] as Owner }),
    thing('two', { total: '2.00', owner: owners[0] as Owner }),
    thing('three', { total: '3.00', flipped: 'abc' }),
    thing('four', { deletedAt: new Date('2020-01-01') }),
  ])
  await manager.save(Part, [
    { name: 'p1', owner: owners[0] as Owner },
    { name: 'p2', owner: owners[0] as Owner },
  ])
  await manager.save(Pair, [
    { left: 'a', right: 1, note: 'x' },
    { left: 'a', right: 2, note: null },
  ])
  await manager.save(Cat, { name: 'Tom', lives: 9 })
  await manager.save(Dog, { name: 'Rex', bark: 'wau' })
  await manager.save(Ticket, { id: 'a1b2c3d4-0000-4000-8000-000000000001', title: 't' })
  await manager.getRepository(Thing).createQueryBuilder().relation('tags').of(1).add([1, 2])
}

const qb = ({ manager }: DataSource) => manager.createQueryBuilder()

export const PATHS: WritePath[] = [
  { name: 'save a new one', run: ({ manager }) => manager.save(thing('new', { total: '5.5' })) },
  {
    name: 'save several',
    run: ({ manager }) => manager.save([thing('n1'), thing('n2', { hidden: 'x' }), thing('n3', { count: 1 })]),
  },
  { name: 'save without reload', run: ({ manager }) => manager.save(thing('new'), { reload: false }) },
  { name: 'save without listeners', run: ({ manager }) => manager.save(thing('new'), { listeners: false }) },
  { name: 'save without a transaction', run: ({ manager }) => manager.save(thing('new'), { transaction: false }) },
  {
    name: 'save with embedded and transformed columns',
    run: ({ manager }) =>
      manager.save(thing('new', { flipped: 'xyx', address: Object.assign(new Address(), { street: 's', city: 'c' }) })),
  },
  {
    name: 'save of a change',
    run: async ({ manager }) =>
      manager.save(Object.assign(await manager.findOneByOrFail(Thing, { id: 1 }), { total: '9.00', count: 3 })),
  },
  {
    name: 'save of nothing changed',
    run: async ({ manager }) => manager.save(await manager.findOneByOrFail(Thing, { id: 1 })),
  },
  { name: 'save of a part', run: ({ manager }) => manager.save(Thing, { id: 1, name: 'renamed' }) },
  {
    name: 'save of a change without reload',
    run: ({ manager }) => manager.save(Thing, { id: 2, name: 'renamed' }, { reload: false }),
  },
  {
    name: 'save of a change without listeners',
    run: ({ manager }) => manager.save(Thing, { id: 2, name: 'renamed' }, { listeners: false }),
  },
  {
    name: 'save of a change without a transaction',
    run: ({ manager }) => manager.save(Thing, { id: 2, name: 'renamed' }, { transaction: false }),
  },
  { name: 'save of a hidden column', run: ({ manager }) => manager.save(Thing, { id: 2, count: 99 }) },
  {
    name: 'save of several changes',
    run: ({ manager }) =>
      manager.save(Thing, [
        { id: 1, count: 1 },
        { id: 2, count: 2 },
        { id: 3, count: 3 },
      ]),
  },
  {
    name: 'save of an embedded change',
    run: ({ manager }) => manager.save(Thing, { id: 1, address: { city: 'Genf' } }),
  },
  { name: 'save of a relation', run: ({ manager }) => manager.save(Thing, { id: 1, owner: { id: 2 } }) },
  {
    name: 'save through an entity of its own',
    run: (dataSource) => dataSource.getRepository(Thing).save(thing('repository')),
  },
  { name: 'insert one', run: ({ manager }) => manager.insert(Thing, { name: 'inserted' }) },
  {
    name: 'insert many',
    run: ({ manager }) => manager.insert(Thing, [{ name: 'i1' }, { name: 'i2', count: 5 }, { name: 'i3' }]),
  },
  {
    name: 'insert by query builder',
    run: (d) => qb(d).insert().into(Thing).values({ name: 'built', hidden: 'h' }).execute(),
  },
  {
    name: 'insert without reading back',
    run: (d) => qb(d).insert().into(Thing).values({ name: 'built' }).updateEntity(false).execute(),
  },
  {
    name: 'insert of an expression',
    run: (d) =>
      qb(d)
        .insert()
        .into(Thing)
        .values({ name: 'built', count: () => '40 + 2' })
        .execute(),
  },
  {
    name: 'insert or ignore, some',
    run: (d) =>
      qb(d)
        .insert()
        .into(Thing)
        .values([{ name: 'one' }, { name: 'fresh' }])
        .orIgnore()
        .updateEntity(false)
        .execute(),
  },
  {
    name: 'insert or ignore, none',
    run: (d) =>
      qb(d)
        .insert()
        .into(Thing)
        .values([{ name: 'one' }])
        .orIgnore()
        .updateEntity(false)
        .execute(),
  },
  {
    name: 'upsert a new one',
    run: ({ manager }) => manager.upsert(Pair, { left: 'z', right: 1, note: 'n' }, ['left', 'right']),
  },
  {
    name: 'upsert one that is there',
    run: ({ manager }) => manager.upsert(Pair, { left: 'a', right: 1, note: 'y' }, ['left', 'right']),
  },
  {
    name: 'upsert unchanged',
    run: ({ manager }) => manager.upsert(Pair, { left: 'a', right: 1, note: 'x' }, ['left', 'right']),
  },
  {
    name: 'upsert mixed',
    run: ({ manager }) =>
      manager.upsert(
        Pair,
        [
          { left: 'a', right: 2, note: 'y' },
          { left: 'q', right: 9, note: 'new' },
          { left: 'a', right: 1, note: 'x' },
        ],
        ['left', 'right'],
      ),
  },
  { name: 'update by id', run: ({ manager }) => manager.update(Thing, 1, { total: '7.77' }) },
  { name: 'update by several ids', run: ({ manager }) => manager.update(Thing, [1, 3], { count: 8 }) },
  {
    name: 'update by criteria',
    run: ({ manager }) => manager.update(Thing, { count: 7 }, { flipped: 'fed', hidden: 'seen' }),
  },
  { name: 'update of nothing', run: ({ manager }) => manager.update(Thing, { name: 'nobody' }, { count: 1 }) },
  { name: 'update to what is there', run: ({ manager }) => manager.update(Pair, { left: 'a' }, { note: 'x' }) },
  { name: 'update of a key', run: ({ manager }) => manager.update(Pair, { left: 'a', right: 1 }, { left: 'b' }) },
  { name: 'update of a relation', run: ({ manager }) => manager.update(Thing, 1, { owner: { id: 2 } }) },
  {
    name: 'update with an expression',
    run: ({ manager }) => manager.update(Thing, { name: 'two' }, { count: () => 'count * 2' }),
  },
  {
    name: 'update by query builder',
    run: (d) =>
      qb(d)
        .update(Thing)
        .set({ count: 4 })
        .where('name IN (:...names)', { names: ['one', 'three'] })
        .andWhere('total > :least', { least: 1 })
        .execute(),
  },
  {
    name: 'update of all by query builder',
    run: (d) =>
      qb(d)
        .update(Thing)
        .set({ address: { street: 'x' } })
        .execute(),
  },
  { name: 'increment', run: ({ manager }) => manager.increment(Thing, { id: 1 }, 'count', 5) },
  { name: 'decrement', run: ({ manager }) => manager.decrement(Thing, { name: 'two' }, 'total', 0.5) },
  { name: 'remove', run: async ({ manager }) => manager.remove(await manager.findOneByOrFail(Thing, { id: 3 })) },
  { name: 'remove several', run: async ({ manager }) => manager.remove(await manager.find(Part)) },
  {
    name: 'remove without listeners',
    run: async ({ manager }) => manager.remove(await manager.find(Part), { listeners: false }),
  },
  { name: 'delete by id', run: ({ manager }) => manager.delete(Thing, 3) },
  { name: 'delete by criteria', run: ({ manager }) => manager.delete(Part, { name: 'p1' }) },
  { name: 'delete of nothing', run: ({ manager }) => manager.delete(Part, { name: 'nobody' }) },
  { name: 'delete by query builder', run: (d) => qb(d).delete().from(Pair).where('note IS NULL').execute() },
  { name: 'delete of all by query builder', run: (d) => qb(d).delete().from(Pair).execute() },
  { name: 'softDelete by id', run: ({ manager }) => manager.softDelete(Thing, 1) },
  { name: 'softDelete by criteria', run: ({ manager }) => manager.softDelete(Thing, { count: 7 }) },
  { name: 'restore', run: ({ manager }) => manager.restore(Thing, { name: 'four' }) },
  {
    name: 'softRemove',
    run: async ({ manager }) => manager.softRemove(await manager.findOneByOrFail(Thing, { id: 1 })),
  },
  {
    name: 'softRemove without listeners',
    run: async ({ manager }) =>
      manager.softRemove(await manager.findOneByOrFail(Thing, { id: 1 }), { listeners: false }),
  },
  {
    name: 'recover',
    run: async ({ manager }) =>
      manager.recover(await manager.findOneOrFail(Thing, { where: { name: 'four' }, withDeleted: true })),
  },
  {
    name: 'softDelete by query builder',
    run: (d) => qb(d).softDelete().from(Thing).where('name = :name', { name: 'two' }).execute(),
  },
  {
    name: 'cascade insert',
    run: ({ manager }) =>
      manager.save(Owner, { name: 'Cy', things: [thing('c1'), thing('c2')], parts: [{ name: 'p3' }] }),
  },
  {
    name: 'cascade update',
    run: ({ manager }) => manager.save(Owner, { id: 1, name: 'Ada L.', parts: [{ id: 1, name: 'px' }, { id: 2 }] }),
  },
  { name: 'orphans nullified', run: ({ manager }) => manager.save(Owner, { id: 1, things: [] }) },
  { name: 'orphans deleted', run: ({ manager }) => manager.save(Owner, { id: 1, parts: [{ id: 1 }] }) },
  {
    name: 'a child attached through its parent',
    run: ({ manager }) => manager.save(Owner, { id: 2, things: [{ id: 3 }] }),
  },
  { name: 'relation set', run: (d) => qb(d).relation(Thing, 'owner').of(3).set(2) },
  { name: 'relation set to null', run: (d) => qb(d).relation(Thing, 'owner').of(1).set(null) },
  { name: 'one-to-many add', run: (d) => qb(d).relation(Owner, 'things').of(2).add([1, 3]) },
  { name: 'one-to-many remove', run: (d) => qb(d).relation(Owner, 'things').of(1).remove([1]) },
  { name: 'many-to-many by save', run: ({ manager }) => manager.save(Thing, { id: 2, tags: [{ id: 1 }, { id: 3 }] }) },
  { name: 'many-to-many replaced by save', run: ({ manager }) => manager.save(Thing, { id: 1, tags: [{ id: 3 }] }) },
  { name: 'many-to-many add', run: (d) => qb(d).relation(Thing, 'tags').of(3).add([1, 3]) },
  { name: 'many-to-many remove', run: (d) => qb(d).relation(Thing, 'tags').of(1).remove([1, 2]) },
  { name: 'many-to-many addAndRemove', run: (d) => qb(d).relation(Thing, 'tags').of(1).addAndRemove([3], [2]) },
  { name: 'a composite key saved', run: ({ manager }) => manager.save(Pair, { left: 'a', right: 2, note: 'saved' }) },
  { name: 'a uuid inserted', run: ({ manager }) => manager.insert(Ticket, { title: 'generated' }) },
  { name: 'a uuid updated', run: ({ manager }) => manager.update(Ticket, { title: 't' }, { title: 'u' }) },
  { name: 'a subclass inserted', run: ({ manager }) => manager.insert(Cat, { name: 'Kit', lives: 1 }) },
  {
    name: 'subclasses updated through their base',
    run: ({ manager }) =>
      manager
        .update(Animal, {}, { name: 'all' })
        .catch(() => manager.createQueryBuilder().update(Animal).set({ name: 'all' }).execute()),
  },
  { name: 'a subclass deleted by criteria', run: ({ manager }) => manager.delete(Dog, { bark: 'wau' }) },
  {
    name: 'a closure tree',
    run: async ({ manager }) => {
      const root = await manager.save(Leaf, { name: 'r' })
      await manager.save(Leaf, { name: 'c', parent: root })
    },
  },
  {
    name: 'a materialised path',
    run: async ({ manager }) => {
      const root = await manager.save(Path, { name: 'r' })
      const child = await manager.save(Path, { name: 'c', parent: root })
      child.name = 'd'
      await manager.save(Path, child)
    },
  },
  {
    name: 'a nested set',
    run: async ({ manager }) => {
      const root = await manager.save(Nest, { name: 'r' })
      await manager.save(Nest, { name: 'c', parent: root })
    },
  },
  {
    name: 'an entity that is not audited',
    run: async ({ manager }) => {
      await manager.insert(Unaudited, { code: 'a' })
      await manager.update(Unaudited, { code: 'a' }, { code: 'b' })
      await manager.delete(Unaudited, { code: 'b' })
    },
  },
  {
    name: 'rolled back',
    run: ({ manager }) =>
      manager
        .transaction(async (inner) => {
          await inner.update(Thing, 1, { count: 1 })
          throw new Error('no')
        })
        .catch(() => undefined),
  },
  {
    name: 'a savepoint rolled back',
    run: ({ manager }) =>
      manager.transaction(async (outer) => {
        await outer.update(Thing, 1, { count: 1 })
        await outer
          .transaction(async (inner) => {
            await inner.delete(Part, { name: 'p1' })
            throw new Error('no')
          })
          .catch(() => undefined)
        await outer.insert(Pair, { left: 'in', right: 1 })
      }),
  },
  {
    name: 'entities of their own: save, reload, softRemove, recover, remove',
    run: async (dataSource) => {
      Thing.useDataSource(dataSource)
      const own = await thing('own').save()
      own.count = 3
      await own.save()
      await own.softRemove()
      await own.recover()
      await own.remove()
      await Thing.insert({ name: 'static' })
      await Thing.update({ name: 'static' }, { count: 1 })
      await Thing.delete({ name: 'static' })
    },
  },
  {
    name: 'updateAll and deleteAll',
    run: async ({ manager }) => {
      // The older line has neither.
      const { updateAll, deleteAll } = manager as Partial<typeof manager>
      if (updateAll !== undefined) await manager.updateAll(Thing, { count: 12 })
      if (deleteAll !== undefined) await manager.deleteAll(Pair)
    },
  },
  {
    name: 'insert from a select',
    run: async ({ manager }) => {
      const insert = manager.createQueryBuilder().insert().into(Part, ['name'])
      if ('valuesFromSelect' in insert) {
        await insert.valuesFromSelect((select) => select.select('tag.name').from(Tag, 'tag')).execute()
      }
    },
  },
  { name: 'restore by query builder', run: (d) => qb(d).restore().from(Thing).execute() },
  {
    name: 'recover without listeners',
    run: async ({ manager }) =>
      manager.recover(await manager.findOneOrFail(Thing, { where: { name: 'four' }, withDeleted: true }), {
        listeners: false,
      }),
  },
  {
    name: 'upsert by a unique column',
    run: ({ manager }) =>
      manager.upsert(
        Thing,
        [
          { name: 'one', count: 55 },
          { name: 'newer', count: 56 },
        ],
        ['name'],
      ),
  },
  {
    name: 'update without listeners',
    run: (d) =>
      qb(d).update(Part).set({ name: 'cte' }).where(`name = :name`, { name: 'p1' }).callListeners(false).execute(),
  },
  {
    name: 'writes at the same time',
    run: ({ manager }) =>
      Promise.all([
        manager.update(Thing, 1, { count: 21 }),
        manager.update(Thing, 1, { count: 22 }),
        manager.save(Thing, { id: 3, count: 23 }),
        manager.delete(Part, { name: 'p1' }),
        manager.increment(Thing, { id: 1 }, 'count', 1),
      ]),
  },
]
