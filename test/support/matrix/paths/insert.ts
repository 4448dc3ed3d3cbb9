import { Animal, Cat, Desk, Entry, isSqlite, Pair, Part, Tag, Thing, Ticket } from '../entities'
import { builder, through, type WritePath } from './path'
import { pair } from './seed'

const KEY = ['left', 'right']

export const INSERTS: WritePath[] = [
  ...through('insert of one', (to) => to(Thing).insert({ name: 'inserted', total: '0.1' })),
  ...through('insert of many', (to) =>
    to(Thing).insert([
      { name: 'i1' },
      { name: 'i2', count: 5, hidden: 'h' },
      { name: 'i3', address: { city: 'Chur' } },
    ]),
  ),
  { name: 'insert of none', run: ({ manager }) => manager.insert(Thing, []) },
  {
    name: 'insert of given ids',
    run: ({ manager }) =>
      manager.insert(Thing, [
        { id: 70, name: 'x' },
        { id: 60, name: 'y' },
      ]),
  },
  {
    name: 'insert of a given id among others',
    run: ({ manager }) => manager.insert(Part, [{ id: 50, name: 'x' }, { name: 'y' }]),
    lacking: (driver) => driver === 'postgres',
  },
  {
    name: 'insert of composite keys',
    run: ({ manager }) => manager.insert(Pair, [pair('i', 1, null), pair('h', 2, 'n')]),
  },
  { name: 'insert of uuids', run: ({ manager }) => manager.insert(Ticket, [{ title: 'g1' }, { title: 'g2' }]) },
  {
    name: 'insert of bigints',
    run: ({ manager }) => manager.insert(Entry, [{ text: 'a' }, { text: 'b' }, { text: 'c' }]),
    lacking: isSqlite,
  },
  {
    name: 'insert of a large bigint',
    run: ({ manager }) => manager.insert(Entry, { id: '9007199254740993', text: 'a' }),
    lacking: isSqlite,
  },
  {
    name: 'insert in another schema',
    run: ({ manager }) => manager.insert(Desk, { code: 'new', height: '9007199254740995', taken: true }),
  },
  { name: 'insert of a subclass', run: ({ manager }) => manager.insert(Cat, { name: 'Kit', lives: 1 }) },
  { name: 'insert of the base class', run: ({ manager }) => manager.insert(Animal, { name: 'Ent' }) },
  {
    name: 'insert by query builder',
    run: (d) =>
      builder(d)
        .insert()
        .into(Thing)
        .values([{ name: 'b1', hidden: 'h', flipped: 'abc' }, { name: 'b2' }])
        .execute(),
  },
  {
    name: 'insert by query builder, without reading back',
    run: (d) => builder(d).insert().into(Thing).values({ name: 'built' }).updateEntity(false).execute(),
  },
  {
    name: 'insert by query builder, without listeners',
    run: (d) => builder(d).insert().into(Thing).values({ name: 'built' }).callListeners(false).execute(),
  },
  {
    name: 'insert by query builder, returning one column',
    run: (d) => builder(d).insert().into(Part).values({ name: 'built' }).returning(['name']).execute(),
    lacking: (driver) => driver !== 'postgres' && driver !== 'mariadb',
  },
  {
    name: 'insert of an expression',
    run: (d) =>
      builder(d)
        .insert()
        .into(Thing)
        .values({ name: () => `'bu' || 'ilt'`, count: () => '40 + 2' })
        .execute(),
    lacking: (driver) => driver === 'mariadb' || driver === 'mysql',
  },
  {
    name: 'insert of an expression as a number',
    run: (d) =>
      builder(d)
        .insert()
        .into(Thing)
        .values({ name: 'built', count: () => '40 + 2' })
        .execute(),
  },
  {
    name: 'insert from a select',
    run: async ({ manager }) => {
      // The older line has none.
      const insert = manager.createQueryBuilder().insert().into(Part, ['name'])
      if (!('valuesFromSelect' in insert)) return
      await insert.valuesFromSelect((select) => select.select('tag.name').from(Tag, 'tag')).execute()
    },
  },
  ...[true, false].map(
    (reading): WritePath => ({
      name: `insert or ignore, some${reading ? '' : ', without reading back'}`,
      run: (d) =>
        builder(d)
          .insert()
          .into(Thing)
          .values([{ name: 'one' }, { name: 'fresh' }, { name: 'two' }, { name: 'newer' }])
          .orIgnore()
          .updateEntity(reading)
          .execute(),
    }),
  ),
  {
    name: 'insert or ignore, none',
    run: (d) => builder(d).insert().into(Thing).values({ name: 'one' }).orIgnore().updateEntity(false).execute(),
  },
  {
    name: 'insert or ignore of composite keys',
    run: (d) =>
      builder(d)
        .insert()
        .into(Pair)
        .values([pair('a', 1, 'other'), pair('b', 1, 'new')])
        .orIgnore()
        .execute(),
  },
  ...through('upsert of a new one', (to) => to(Pair).upsert(pair('z', 1, 'n'), KEY)),
  ...through('upsert of one that is there', (to) => to(Pair).upsert(pair('a', 1, 'y'), KEY)),
  ...through('upsert of one as it is', (to) => to(Pair).upsert(pair('a', 1, 'x'), KEY)),
  ...through('upsert of all kinds', (to) =>
    to(Pair).upsert([pair('a', 2, 'y'), pair('q', 9, 'new'), pair('a', 1, 'x'), pair('q', 8, null)], KEY),
  ),
  {
    name: 'upsert that skips what is as it was',
    run: ({ manager }) =>
      manager.upsert(Pair, [pair('a', 2, 'y'), pair('a', 1, 'x')], {
        conflictPaths: KEY as ('left' | 'right')[],
        skipUpdateIfNoValuesChanged: true,
      }),
    lacking: (driver) => driver !== 'postgres',
  },
  {
    name: 'upsert by a unique column',
    run: ({ manager }) =>
      manager.upsert(
        Thing,
        [
          { name: 'one', count: 55 },
          { name: 'newer', count: 56, hidden: 'h' },
          { name: 'two', hidden: 'h2', address: { city: 'Chur' } },
        ].map((one) => ({ count: 1, hidden: null, address: { city: 'Bern' }, ...one })),
        ['name'],
      ),
  },
  {
    name: 'upsert in another schema',
    run: ({ manager }) =>
      manager.upsert(
        Desk,
        [
          { code: `d'1 "x"`, height: '5' },
          { code: 'n', height: '6' },
        ],
        ['code'],
      ),
  },
  {
    name: 'insert or update by query builder',
    run: (d) =>
      builder(d)
        .insert()
        .into(Pair)
        .values([pair('a', 1, 'o'), pair('b', 1, 'n')])
        .orUpdate(['note'], KEY)
        .execute(),
  },
]
