import fc from 'fast-check'
import { type DataSource, type EntityManager, IsNull, QueryFailedError, TransactionNotStartedError } from 'typeorm'
import { Animal, Cat, Dog, Owner, Pair, Part, Tag, Thing } from './entities'

/** A write, or a transaction with steps in it: in another one, a savepoint. */
export type Step =
  | { do: Kind; key: number; value: number }
  | { do: 'nested'; steps: Step[]; ends: 'commits' | 'rolls back'; by: 'transaction()' | 'query runner' }

type Write = (manager: EntityManager, key: number, value: number) => Promise<unknown>

const noteOf = (value: number): string | null => (value === 0 ? null : `n${value}`)
const pairOf = (key: number, value: number) => ({ left: 'k', right: key, note: noteOf(value) })

/** Many of them meet rows that are not there, or change nothing; some fail, and with it the transaction they are in. */
const WRITES = {
  'save a pair': (manager, key, value) => manager.save(Pair, pairOf(key, value)),
  'save two pairs': (manager, key, value) => manager.save(Pair, [pairOf(key, value), pairOf(key + 1, 0)]),
  'insert a pair': (manager, key, value) => manager.insert(Pair, pairOf(key, value)),
  'upsert pairs': (manager, key, value) =>
    manager.upsert(Pair, [pairOf(key, value), pairOf(key + 1, value)], ['left', 'right']),
  'insert or ignore': (manager, key, value) =>
    manager
      .createQueryBuilder()
      .insert()
      .into(Pair)
      .values(pairOf(key, value))
      .orIgnore()
      .updateEntity(false)
      .execute(),
  'update pairs': (manager, _, value) => manager.update(Pair, { left: 'k' }, { note: noteOf(value) }),
  'delete pairs': (manager, key) => manager.delete(Pair, { right: key }),
  'remove pairs': async (manager, key) => manager.remove(await manager.findBy(Pair, { right: key })),
  increment: (manager, key, value) => manager.increment(Thing, { id: key }, 'count', value),
  'update things': (manager, key, value) => manager.update(Thing, { count: value }, { total: String(key) }),
  // Of those already deleted, the triggers could not tell it from an update when the date stays the same.
  'soft-delete': (manager, key) => manager.softDelete(Thing, { id: key, deletedAt: IsNull() }),
  restore: (manager, key) => manager.restore(Thing, { id: key }),
  'soft-remove': async (manager, key) => manager.softRemove(await manager.findBy(Thing, { id: key })),
  'save a thing': (manager, key, value) =>
    manager.save(Thing, { id: key, count: value, owner: value === 0 ? null : { id: 1 } }),
  'save a thing without listeners': (manager, key, value) =>
    manager.save(Thing, { id: key, hidden: noteOf(value) }, { listeners: false }),
  'save a name': (manager, key, value) => manager.save(Thing, { id: key, name: `thing ${value}` }),
  'save with tags': (manager, key, value) =>
    manager.save(Thing, { id: key, tags: [1, 2, 3].filter((id) => id > value).map((id) => ({ id })) }),
  'add a tag': (manager, key, value) =>
    manager
      .createQueryBuilder()
      .relation(Thing, 'tags')
      .of(key)
      .add([1 + (value % 3)]),
  'remove tags': (manager, key) => manager.createQueryBuilder().relation(Thing, 'tags').of(key).remove([1, 2]),
  'set the owner': (manager, key, value) =>
    manager
      .createQueryBuilder()
      .relation(Thing, 'owner')
      .of(key)
      .set(value > 1 ? value : null),
  'save with parts': (manager, _, value) =>
    manager.save(Owner, { id: 1, parts: Array.from({ length: value }, (__, index) => ({ name: `part ${index}` })) }),
  'delete parts': (manager) => manager.createQueryBuilder().delete().from(Part).execute(),
  'insert an animal': (manager, key, value) =>
    value > 1 ? manager.insert(Cat, { name: `cat ${key}`, lives: value }) : manager.save(Dog, { name: `dog ${key}` }),
  'rename animals': (manager, _, value) =>
    manager
      .createQueryBuilder()
      .update(Animal)
      .set({ name: `all ${value}` })
      .execute(),
  'delete cats': (manager, _, value) => manager.delete(Cat, { lives: value }),
} satisfies Record<string, Write>

type Kind = keyof typeof WRITES

export const steps: fc.Arbitrary<Step[]> = fc.letrec<{ steps: Step[]; step: Step }>((tie) => ({
  steps: fc.array(tie('step'), { minLength: 1, maxLength: 6, depthIdentifier: 'steps' }),
  step: fc.oneof(
    { depthSize: 'small', withCrossShrink: true, depthIdentifier: 'steps' },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom(...(Object.keys(WRITES) as Kind[])),
        key: fc.integer({ min: 1, max: 4 }),
        value: fc.integer({ min: 0, max: 3 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('nested' as const),
        steps: tie('steps'),
        ends: fc.constantFrom('commits' as const, 'rolls back' as const),
        by: fc.constantFrom('transaction()' as const, 'query runner' as const),
      }),
    },
  ),
})).steps

const ON_PURPOSE = new Error('rolled back on purpose')

/**
 * What the database refuses is ignored, as an application may: in PostgreSQL all that follows in that transaction is
 * refused too, and its COMMIT is a ROLLBACK. TypeORM counts a SAVEPOINT that is refused there as one that it may end,
 * ends the whole transaction in its place, and then finds none.
 */
export async function play(manager: EntityManager, list: readonly Step[]): Promise<void> {
  for (const step of list) {
    const done = step.do === 'nested' ? nested(manager, step) : WRITES[step.do](manager, step.key, step.value)
    await done.catch((error: unknown) => {
      const refused = error instanceof QueryFailedError || error instanceof TransactionNotStartedError
      if (error !== ON_PURPOSE && !refused) throw error
    })
  }
}

async function nested(
  manager: EntityManager,
  { steps: inner, ends, by }: Extract<Step, { do: 'nested' }>,
): Promise<void> {
  const own = manager.queryRunner
  if (by === 'transaction()' || own === undefined) {
    return manager.transaction(async (transaction) => {
      await play(transaction, inner)
      if (ends === 'rolls back') throw ON_PURPOSE
    })
  }
  await own.startTransaction()
  try {
    await play(manager, inner)
    if (ends === 'commits') await own.commitTransaction()
    else await own.rollbackTransaction()
  } catch (error) {
    await own.rollbackTransaction()
    throw error
  }
}

/** What is there before each run. */
export async function prepare({ manager }: DataSource): Promise<void> {
  await manager.insert(
    Owner,
    [1, 2, 3].map((id) => ({ id, name: `owner ${id}` })),
  )
  await manager.insert(
    Tag,
    [1, 2, 3].map((id) => ({ id, name: `tag ${id}` })),
  )
  await manager.insert(
    Thing,
    [1, 2, 3, 4].map((id) => ({ id, name: `thing ${id}` })),
  )
}
