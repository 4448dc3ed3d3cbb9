import { Address, Cat, Deal, Desk, Dog, Entry, isSqlite, Owner, Pair, Thing, Ticket } from '../entities'
import { builder, through, type WritePath } from './path'
import { pair, TICKET, thing } from './seed'

const WAYS = [
  ['without reload', { reload: false }],
  ['without listeners', { listeners: false }],
  ['without a transaction', { transaction: false }],
  ['without any of them', { reload: false, listeners: false, transaction: false }],
  ['in chunks', { chunk: 1 }],
] as const

export const SAVES: WritePath[] = [
  ...through('save of a new one', (to) => to(Thing).save(thing('new', { total: '5.5' }))),
  ...through('save of several new ones', (to) =>
    to(Thing).save([thing('n1'), thing('n2', { hidden: 'x' }), thing('n3', { count: 1 })]),
  ),
  ...WAYS.map(
    ([way, options]): WritePath => ({
      name: `save of new ones ${way}`,
      run: ({ manager }) => manager.save([thing('n1'), thing('n2', { hidden: 'x' })], options),
    }),
  ),
  {
    name: 'save of embedded and transformed columns',
    run: ({ manager }) =>
      manager.save(thing('new', { flipped: 'xyx', address: Object.assign(new Address(), { street: 's', city: 'c' }) })),
  },
  ...through('save of a change', async (to, { manager }) =>
    to(Thing).save(Object.assign(await manager.findOneByOrFail(Thing, { id: 1 }), { total: '9.00', count: 3 })),
  ),
  ...through('save of nothing changed', async (to, { manager }) =>
    to(Thing).save(await manager.findOneByOrFail(Thing, { id: 1 })),
  ),
  ...through('save of several, of which one changed', async (to, { manager }) => {
    const found = await manager.find(Thing, { order: { id: 'ASC' } })
    return to(Thing).save(found.map((one) => (one.id === 2 ? Object.assign(one, { name: 'renamed' }) : one)))
  }),
  ...through('save of a part', (to) => to(Thing).save({ id: 1, name: 'renamed' })),
  ...through('save of new and changed ones together', (to) =>
    to(Thing).save([thing('n1'), thing('renamed', { id: 2 }), thing('n3')]),
  ),
  ...WAYS.map(
    ([way, options]): WritePath => ({
      name: `save of changes ${way}`,
      run: ({ manager }) =>
        manager.save(
          Thing,
          [
            { id: 1, count: 1 },
            { id: 2, name: 'renamed' },
            { id: 3, count: 7 },
          ],
          options,
        ),
    }),
  ),
  {
    name: 'save of an entity, changed twice',
    run: async ({ manager }) => {
      const own = await manager.save(thing('own'))
      own.count = 1
      await manager.save(own)
      own.count = 2
      await manager.save(own)
    },
  },
  { name: 'save of a hidden column', run: ({ manager }) => manager.save(Thing, { id: 1, hidden: 'h2' }) },
  { name: 'save of a hidden column as it was', run: ({ manager }) => manager.save(Thing, { id: 1, hidden: 'h1' }) },
  { name: 'save of a transformed column', run: ({ manager }) => manager.save(Thing, { id: 3, flipped: 'xyz' }) },
  {
    name: 'save of an embedded change',
    run: ({ manager }) => manager.save(Thing, { id: 1, address: { city: 'Genf' } }),
  },
  { name: 'save of a relation', run: ({ manager }) => manager.save(Thing, { id: 1, owner: { id: 2 } }) },
  { name: 'save of a relation to nothing', run: ({ manager }) => manager.save(Thing, { id: 1, owner: null }) },
  { name: 'save with a composite key, new', run: ({ manager }) => manager.save(pair('s', 1, null)) },
  {
    name: 'save with a composite key, changed',
    run: ({ manager }) => manager.save(Pair, { left: 'a', right: 2, note: 's' }),
  },
  { name: 'save with a uuid, new', run: ({ manager }) => manager.save(Ticket, { title: 'generated' }) },
  { name: 'save with a uuid, changed', run: ({ manager }) => manager.save(Ticket, { id: TICKET, title: 'u' }) },
  {
    name: 'save in another schema',
    run: async ({ manager }) => {
      await manager.save(Desk, { code: 'new', height: '1' })
      await manager.save(Desk, { code: 'ä\\n%', taken: true, height: '71' })
    },
  },
  {
    name: 'save of a large bigint',
    run: ({ manager }) => manager.save(Desk, { code: `d'1 "x"`, height: '9007199254740995' }),
  },
  {
    name: 'save with a bigint key',
    run: ({ manager }) => manager.save(Entry, [{ text: 'a' }, { text: 'b' }]),
    lacking: isSqlite,
  },
  {
    name: 'save of subclasses',
    run: ({ manager }) =>
      manager.save([Object.assign(new Cat(), { name: 'c', lives: 1 }), Object.assign(new Dog(), { name: 'd' })]),
  },
  {
    name: 'save of subclasses that changed',
    run: async ({ manager }) =>
      manager.save([
        Object.assign(await manager.findOneByOrFail(Cat, {}), { lives: 8 }),
        Object.assign(await manager.findOneByOrFail(Dog, {}), { name: 'Max' }),
      ]),
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
  {
    name: 'cascade of one-to-one',
    run: ({ manager }) => manager.save(Deal, { id: 1, ticket: { title: 'of the deal' } }),
  },
  { name: 'orphans nullified', run: ({ manager }) => manager.save(Owner, { id: 1, things: [] }) },
  { name: 'orphans deleted', run: ({ manager }) => manager.save(Owner, { id: 1, parts: [{ id: 1 }] }) },
  {
    name: 'a child attached through its parent',
    run: ({ manager }) => manager.save(Owner, { id: 2, things: [{ id: 3 }] }),
  },
  {
    name: 'save while another relation is set by a query builder',
    unordered: true,
    run: (d) =>
      Promise.all([d.manager.save(Thing, { id: 3, count: 9 }), builder(d).relation(Thing, 'owner').of(2).set(2)]),
  },
]
