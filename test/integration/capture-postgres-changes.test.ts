import 'reflect-metadata'
import { Column, Entity, PrimaryColumn } from 'typeorm'
import { describe, expect, it } from 'vitest'
import { twinDatabases } from '../support/twin-databases'
import { summary } from '../unit/capture/support'

@Entity()
class Doc {
  @PrimaryColumn('int') id!: number
  @Column('int') tenant!: number
  @Column('text', { nullable: true }) name!: string | null
  @Column('text', { nullable: true }) extra!: string | null
}

const start = twinDatabases()
const TABLE = 'CREATE TABLE doc (id int PRIMARY KEY, tenant int NOT NULL, name text, extra text)'
const ROWS = `INSERT INTO doc VALUES (1, 1, 'one'), (2, 1, 'two')`

describe('a table that is changed while the process runs (a migration, here or elsewhere)', () => {
  it('is updated where its WHERE matches, when the key has got a further column', async () => {
    const { both } = await start([Doc], { synchronize: false, sql: [TABLE, ROWS] })
    const { plain, audited } = await both(async (source) => {
      await source.manager.update(Doc, { id: 1 }, { name: 'before' })
      await source.query('ALTER TABLE doc DROP CONSTRAINT doc_pkey, ADD PRIMARY KEY (tenant, id)')
      await source.query(`INSERT INTO doc VALUES (1, 2, 'of another tenant')`)
      await source.manager.update(Doc, { id: 1, tenant: 1 }, { name: 'after' })
      return source.query('SELECT tenant, name FROM doc WHERE id = 1 ORDER BY tenant')
    })
    expect(audited).toEqual(plain)
  })

  it.each(['update', 'delete'] as const)('lets a criteria write pass when a column was dropped: %s()', async (how) => {
    const { both } = await start([Doc], { synchronize: false, sql: [TABLE, ROWS] })
    const { plain, audited } = await both(async (source) => {
      await source.manager.update(Doc, { id: 1 }, { name: 'before' })
      await source.query('ALTER TABLE doc DROP COLUMN extra')
      const { affected } =
        how === 'update'
          ? await source.createQueryBuilder().update(Doc).set({ name: 'x' }).where('id = 1').returning('*').execute()
          : await source.manager.delete(Doc, { id: 1 })
      return affected
    })
    expect(audited).toEqual(plain)
  })

  it('is told of whole when a migration has added the column that was missing', async () => {
    const sql = ['CREATE TABLE doc (id int PRIMARY KEY, tenant int NOT NULL, name text)', ROWS]
    const { audited, trail } = await start([Doc], { synchronize: false, sql })
    // One migration changes rows by the entity's manager …
    await audited.manager.update(Doc, { id: 1 }, { name: 'migrated' })
    // … a later one brings the table to what the entity describes.
    await audited.query('ALTER TABLE doc ADD COLUMN extra text')
    trail.take()
    await audited.manager.update(Doc, { id: 1 }, { name: 'x' })
    await audited.manager.save(Doc, { id: 2, name: 'y' })
    expect(summary(trail.take()).split('\n')).toEqual([
      'OBJ_UPDATE Doc 1 {"name":{"from":"migrated","to":"x"}}',
      'OBJ_UPDATE Doc 2 {"name":{"from":"two","to":"y"}}',
    ])
  })
})

describe('save() of a key that several rows have, before the catalogue was asked', () => {
  it.each([
    [
      'in a table without a key',
      [
        'CREATE TABLE doc (id int, name text, tenant int, extra text)',
        `INSERT INTO doc VALUES (1, 'a', 10), (1, 'b', 20), (1, 'c', 30)`,
      ],
    ],
    [
      'in a table that others inherit from',
      [
        'CREATE TABLE doc (id int PRIMARY KEY, name text, tenant int, extra text)',
        'CREATE TABLE kid () INHERITS (doc)',
        `INSERT INTO doc VALUES (1, 'a', 10)`,
        `INSERT INTO kid VALUES (1, 'b', 20), (1, 'c', 30)`,
      ],
    ],
  ])('%s, has events with the values that the rows had, or a partial one', async (_, sql) => {
    const { both, trail } = await start([Doc], { synchronize: false, sql })
    const { plain, audited } = await both(async (source) => {
      await source.manager.save(Doc, { id: 1, tenant: 99 })
      return source.query('SELECT name, tenant FROM doc ORDER BY name')
    })
    expect(audited).toEqual(plain)
    const events = trail.take()
    const from = events.map(({ changes }) => (changes?.tenant as { from: number } | undefined)?.from)
    // From version 18 on the statement itself has both.
    if (from.length > 1) expect(from.toSorted()).toEqual([10, 20, 30])
    else expect(events[0]?.coverage_reason).toMatch(/^3 rows were written, the database does not keep the key unique/)
  })
})
