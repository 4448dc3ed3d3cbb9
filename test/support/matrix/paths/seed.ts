import type { DataSource } from 'typeorm'
import { Cat, Deal, Desk, Dog, Entry, isSqlite, Owner, Pair, Part, Tag, Thing, Ticket } from '../entities'

export const thing = (name: string, more: Partial<Thing> = {}): Thing => Object.assign(new Thing(), { name, ...more })
export const pair = (left: string, right: number, note: string | null): Pair =>
  Object.assign(new Pair(), { left, right, note })

export const TICKET = 'a1b2c3d4-0000-4000-8000-000000000001'

/** What is there before each path. */
export async function seed({ manager, options }: DataSource): Promise<void> {
  await manager.transaction(async (inner) => {
    await inner.insert(Owner, [
      { id: 1, name: 'Ada' },
      { id: 2, name: 'Bob' },
    ])
    const owner = { id: 1 } as Owner
    await inner.insert(Tag, [
      { id: 1, name: 'red' },
      { id: 2, name: 'green' },
      { id: 3, name: 'blue' },
    ])
    await inner.insert(Thing, [
      thing('one', { id: 1, total: '1.00', hidden: 'h1', owner }),
      thing('two', { id: 2, total: '2.00', owner }),
      thing('three', { id: 3, total: '3.00', flipped: 'abc' }),
      thing('four', { id: 4, deletedAt: new Date('2020-01-01') }),
    ])
    await inner.insert(Part, [
      { id: 1, name: 'p1', owner },
      { id: 2, name: 'p2', owner },
    ])
    await inner.insert(Pair, [pair('a', 1, 'x'), pair('a', 2, null)])
    await inner.insert(Cat, { id: 1, name: 'Tom', lives: 9 })
    await inner.insert(Dog, { id: 2, name: 'Rex', bark: 'wau' })
    await inner.insert(Ticket, { id: TICKET, title: 't' })
    await inner.insert(Desk, [
      { code: `d'1 "x"`, height: '9007199254740993' },
      { code: 'ä\\n%', height: '70' },
    ])
    if (!isSqlite(options.type)) await inner.insert(Entry, { id: '1', text: 'first' })
    await inner.insert(Deal, { id: 1, pair: { left: 'a', right: 1 } })
    await inner.createQueryBuilder().relation(Deal, 'pairs').of(1).add({ left: 'a', right: 2 })
    await inner.createQueryBuilder().relation(Thing, 'tags').of(1).add([1, 2])
  })
}
