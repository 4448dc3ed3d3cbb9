import { Pair, Part, Thing } from '../entities'
import type { WritePath } from './path'

const no = new Error('rolled back on purpose')
const ignore = (error: unknown) => {
  if (error !== no) throw error
}

export const TRANSACTIONS: WritePath[] = [
  {
    name: 'a transaction rolled back',
    run: ({ manager }) =>
      manager
        .transaction(async (inner) => {
          await inner.update(Thing, 1, { count: 1 })
          await inner.save(Part, { name: 'no' })
          throw no
        })
        .catch(ignore),
  },
  {
    name: 'a savepoint rolled back',
    run: ({ manager }) =>
      manager.transaction(async (outer) => {
        await outer.update(Thing, 1, { count: 1 })
        const savepoint = outer.transaction(async (inner) => {
          await inner.delete(Part, { name: 'p1' })
          throw no
        })
        await savepoint.catch(ignore)
        await outer.insert(Pair, { left: 'in', right: 1 })
      }),
  },
  {
    name: 'a savepoint released in a transaction rolled back',
    run: ({ manager }) =>
      manager
        .transaction(async (outer) => {
          await outer.transaction((inner) => inner.delete(Part, { name: 'p1' }))
          throw no
        })
        .catch(ignore),
  },
  {
    name: 'a query runner of its own',
    run: async (dataSource) => {
      const queryRunner = dataSource.createQueryRunner()
      await queryRunner.startTransaction()
      await queryRunner.manager.update(Thing, 1, { count: 5 })
      await queryRunner.commitTransaction()
      await queryRunner.startTransaction()
      await queryRunner.manager.update(Thing, 1, { count: 6 })
      await queryRunner.rollbackTransaction()
      await queryRunner.release()
    },
  },
  {
    name: 'a write that the database refuses',
    run: ({ manager }) =>
      manager
        .insert(Pair, [
          { left: 'n', right: 1 },
          { left: 'a', right: 1 },
        ])
        .catch(() => undefined),
  },
  {
    name: 'a save that the database refuses',
    run: ({ manager }) =>
      manager
        .save([Object.assign(new Part(), { name: 'ok' }), Object.assign(new Thing(), { name: 'one' })])
        .catch(() => undefined),
  },
  {
    name: 'writes at the same time',
    unordered: true,
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
