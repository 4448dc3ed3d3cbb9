import { In, LessThan } from 'typeorm'
import { Animal, Cat, CodeView, Deal, Desk, Entry, isSqlite, Pair, Part, Thing, Ticket, Unaudited } from '../entities'
import { builder, NOT_BASE, through, type WritePath } from './path'
import { TICKET } from './seed'

export const UPDATES: WritePath[] = [
  ...through('update by id', (to) => to(Thing).update(1, { total: '7.77' })),
  ...through('update by several ids', (to) => to(Thing).update([1, 3], { count: 8 })),
  ...through('update by criteria', (to) => to(Thing).update({ count: 7 }, { flipped: 'fed', hidden: 'seen' })),
  ...through('update of nothing', (to) => to(Thing).update({ name: 'nobody' }, { count: 1 })),
  ...through('update with an expression', (to) => to(Thing).update({ name: 'two' }, { count: () => 'count * 2' })),
  ...through('updateAll', (to) => to(Thing).updateAll({ count: 12 }), NOT_BASE),
  ...through('increment', (to) => to(Thing).increment({ id: 1 }, 'count', 5), NOT_BASE),
  ...through('increment of several', (to) => to(Thing).increment({ count: 7 }, 'total', 0.5), NOT_BASE),
  ...through('decrement', (to) => to(Thing).decrement({ name: 'two' }, 'total', 0.5), NOT_BASE),
  ...through('increment of nothing', (to) => to(Thing).increment({ id: 99 }, 'count', 5), NOT_BASE),
  { name: 'update to what is there', run: ({ manager }) => manager.update(Pair, { left: 'a' }, { note: 'x' }) },
  {
    name: 'update by operators',
    run: ({ manager }) => manager.update(Thing, { name: In(['one', 'three']), total: LessThan(3) }, { count: 2 }),
  },
  {
    name: 'update of what the criteria ask for',
    run: ({ manager }) => manager.update(Thing, { count: 7 }, { count: 8 }),
  },
  {
    name: 'update of a key that nothing refers to',
    run: ({ manager }) => manager.update(Desk, { code: 'ä\\n%' }, { code: 'moved' }),
  },
  { name: 'update of a relation', run: ({ manager }) => manager.update(Thing, 1, { owner: { id: 2 } }) },
  {
    name: 'update of a relation to nothing',
    run: ({ manager }) => manager.update(Thing, { name: 'one' }, { owner: null }),
  },
  {
    name: 'update of a relation with a composite key',
    run: ({ manager }) => manager.update(Deal, 1, { pair: { left: 'a', right: 2 } }),
  },
  { name: 'update by a relation', run: ({ manager }) => manager.update(Thing, { owner: { id: 1 } }, { count: 3 }) },
  {
    name: 'update of an embedded column',
    run: ({ manager }) => manager.update(Thing, 1, { address: { street: 'x', city: 'y' } }),
  },
  {
    name: 'update by a composite key',
    run: ({ manager }) => manager.update(Pair, { left: 'a', right: 2 }, { note: 'u' }),
  },
  { name: 'update by a uuid', run: ({ manager }) => manager.update(Ticket, TICKET, { title: 'u' }) },
  { name: 'update by a bigint', run: ({ manager }) => manager.update(Entry, '1', { text: 'u' }), lacking: isSqlite },
  {
    name: 'update in another schema',
    run: ({ manager }) => manager.update(Desk, `d'1 "x"`, { height: '9007199254740995', taken: true }),
  },
  {
    name: 'update by query builder',
    run: (d) =>
      builder(d)
        .update(Thing)
        .set({ count: 4 })
        .where('name IN (:...names)', { names: ['one', 'three'] })
        .andWhere('total > :least', { least: 1 })
        .execute(),
  },
  {
    name: 'update by query builder with an alias',
    run: (d) => d.getRepository(Thing).createQueryBuilder('t').update().set({ count: 4 }).where('id = 2').execute(),
  },
  {
    name: 'update of all by query builder',
    run: (d) =>
      builder(d)
        .update(Thing)
        .set({ address: { street: 'x' } })
        .execute(),
  },
  {
    name: 'update by query builder of given entities',
    run: async (d) => {
      const found = await d.manager.findOneByOrFail(Thing, { id: 2 })
      return d.createQueryBuilder().update(Thing).set({ count: 40 }).whereEntity(found).execute()
    },
  },
  {
    name: 'update by query builder, with a limit',
    run: (d) => builder(d).update(Part).set({ name: 'one of two' }).orderBy('id', 'DESC').limit(1).execute(),
    lacking: (driver) => driver !== 'mariadb' && driver !== 'mysql',
  },
  {
    name: 'update by query builder, returning one column',
    run: (d) => builder(d).update(Part).set({ name: 'r' }).where('id = 1').returning(['name']).execute(),
    lacking: (driver) => driver !== 'postgres',
  },
  {
    name: 'update by query builder, with a subquery',
    run: (d) =>
      builder(d)
        .update(Part)
        .set({ name: () => '(SELECT MAX(name) FROM tag)' })
        .where('id IN (SELECT MIN("right") FROM pair WHERE note = :note)', { note: 'x' })
        .execute(),
    lacking: (driver) => driver === 'mariadb' || driver === 'mysql',
  },
  {
    name: 'update by query builder, without listeners',
    run: (d) =>
      builder(d).update(Part).set({ name: 'q' }).where('name = :name', { name: 'p1' }).callListeners(false).execute(),
  },
  {
    name: 'update of subclasses through their base',
    run: (d) => builder(d).update(Animal).set({ name: 'all' }).execute(),
  },
  { name: 'update of a subclass', run: ({ manager }) => manager.update(Cat, { name: 'Tom' }, { lives: 8 }) },
  {
    name: 'writes of an entity that is not audited',
    run: async ({ manager }) => {
      await manager.save(Unaudited, { code: 's' })
      await manager.insert(Unaudited, { code: 'a' })
      await manager.update(Unaudited, { code: 'a' }, { code: 'b' })
      await manager.upsert(Unaudited, { code: 'b' }, ['code'])
      await manager.delete(Unaudited, { code: 'b' })
    },
  },
  {
    name: 'writes through a view',
    run: async (d) => {
      await d.manager.insert(Unaudited, { code: 'v' })
      await builder(d).update(CodeView).set({ code: 'w' }).where('code = :code', { code: 'v' }).execute()
      await builder(d).delete().from(CodeView).where('code = :code', { code: 'w' }).execute()
    },
    lacking: (driver) => driver === 'sqljs' || driver === 'better-sqlite3',
  },
]
