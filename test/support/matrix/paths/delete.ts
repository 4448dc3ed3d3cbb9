import { Cat, Desk, Dog, Entry, isSqlite, Pair, Part, Thing, Ticket } from '../entities'
import { builder, NOT_BASE, through, type WritePath } from './path'
import { TICKET } from './seed'

export const DELETES: WritePath[] = [
  ...through('remove', async (to, { manager }) => to(Thing).remove(await manager.findOneByOrFail(Thing, { id: 3 }))),
  ...through('remove of several', async (to, { manager }) =>
    to(Part).remove(await manager.find(Part, { order: { id: 'ASC' } })),
  ),
  {
    name: 'remove without listeners',
    run: async ({ manager }) =>
      manager.remove(await manager.find(Part, { order: { id: 'ASC' } }), { listeners: false }),
  },
  {
    name: 'remove without a transaction',
    run: async ({ manager }) =>
      manager.remove(await manager.find(Part, { order: { id: 'ASC' } }), { transaction: false }),
  },
  {
    name: 'remove of what is no longer there',
    run: ({ manager }) => manager.remove(Object.assign(new Part(), { id: 99, name: 'gone' })),
  },
  {
    name: 'remove of composite keys',
    run: async (d) => {
      await d.query('DELETE FROM deal_pairs_pair')
      await d.query(`UPDATE deal SET ${d.driver.escape('pairLeft')} = NULL, ${d.driver.escape('pairRight')} = NULL`)
      await d.query('DELETE FROM truth')
      await d.manager.remove(await d.manager.find(Pair, { order: { left: 'ASC', right: 'ASC' } }))
    },
  },
  {
    name: 'remove of a uuid',
    run: async ({ manager }) => manager.remove(await manager.findOneByOrFail(Ticket, { id: TICKET })),
  },
  {
    name: 'remove in another schema',
    run: async ({ manager }) => manager.remove(await manager.find(Desk, { order: { code: 'ASC' } })),
  },
  { name: 'remove of a subclass', run: async ({ manager }) => manager.remove(await manager.findOneByOrFail(Cat, {})) },
  ...through('delete by id', (to) => to(Thing).delete(3)),
  ...through('delete by several ids', (to) => to(Part).delete([1, 2, 99])),
  ...through('delete by criteria', (to) => to(Part).delete({ name: 'p1' })),
  ...through('delete of nothing', (to) => to(Part).delete({ name: 'nobody' })),
  ...through('deleteAll', (to) => to(Part).deleteAll(), NOT_BASE),
  { name: 'delete of a subclass by criteria', run: ({ manager }) => manager.delete(Dog, { bark: 'wau' }) },
  { name: 'delete by a bigint', run: ({ manager }) => manager.delete(Entry, '1'), lacking: isSqlite },
  { name: 'delete in another schema', run: ({ manager }) => manager.delete(Desk, `d'1 "x"`) },
  { name: 'delete by a relation', run: ({ manager }) => manager.delete(Part, { owner: { id: 1 } }) },
  {
    name: 'delete by query builder',
    run: (d) => builder(d).delete().from(Part).where('name <> :name', { name: 'p1' }).execute(),
  },
  { name: 'delete of all by query builder', run: (d) => builder(d).delete().from(Part).execute() },
  {
    name: 'delete by query builder, returning one column',
    run: (d) => builder(d).delete().from(Part).where('id = 1').returning(['name']).execute(),
    lacking: (driver) => driver !== 'postgres' && driver !== 'mariadb',
  },
  ...through('softDelete by id', (to) => to(Thing).softDelete(1), NOT_BASE),
  ...through('softDelete by criteria', (to) => to(Thing).softDelete({ count: 7 }), NOT_BASE),
  ...through('softDelete of nothing', (to) => to(Thing).softDelete({ id: 99 }), NOT_BASE),
  {
    name: 'softDelete by query builder',
    run: (d) => builder(d).softDelete().from(Thing).where('name = :name', { name: 'two' }).execute(),
  },
  ...through('restore', (to) => to(Thing).restore({ name: 'four' }), NOT_BASE),
  { name: 'restore by query builder', run: (d) => builder(d).restore().from(Thing).execute() },
  ...through('softRemove', async (to, { manager }) =>
    to(Thing).softRemove(await manager.findOneByOrFail(Thing, { id: 1 })),
  ),
  ...through('softRemove of several', async (to, { manager }) =>
    to(Thing).softRemove(await manager.find(Thing, { order: { id: 'ASC' } })),
  ),
  {
    name: 'softRemove without listeners',
    run: async ({ manager }) =>
      manager.softRemove(await manager.findOneByOrFail(Thing, { id: 1 }), { listeners: false }),
  },
  ...through('recover', async (to, { manager }) =>
    to(Thing).recover(await manager.findOneOrFail(Thing, { where: { name: 'four' }, withDeleted: true })),
  ),
  {
    name: 'recover without listeners',
    run: async ({ manager }) =>
      manager.recover(await manager.findOneOrFail(Thing, { where: { name: 'four' }, withDeleted: true }), {
        listeners: false,
      }),
  },
  {
    name: 'save, change, softRemove, recover and remove of one entity',
    run: async ({ manager }) => {
      const own = await manager.save(Object.assign(new Thing(), { name: 'own' }))
      own.count = 3
      await manager.save(own)
      await manager.softRemove(own)
      await manager.recover(own)
      await manager.remove(own)
    },
  },
]
