import 'reflect-metadata'
import { Column, Entity, type EntityManager, PrimaryGeneratedColumn } from 'typeorm'
import { expect, it } from 'vitest'
import { twinDatabases } from '../support/twin-databases'

@Entity()
class Thing {
  @PrimaryGeneratedColumn() id!: number
  @Column('text') name!: string
}

const start = twinDatabases()

it('several transactions that clear a table at once do not deadlock', async () => {
  const { both, trail } = await start([Thing])
  const { plain, audited } = await both(async (source) => {
    await source.manager.insert(Thing, { name: 'a' })
    const work = async (manager: EntityManager) => {
      await manager.query('SELECT 1')
      await manager.clear(Thing)
      await manager.insert(Thing, { name: 'fresh' })
      await manager.query('SELECT pg_sleep(0.02)')
      return 'cleared'
    }
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => source.transaction(work)))
    return outcomes.map(({ status }) => status)
  })
  expect(plain).toEqual(Array(12).fill('fulfilled'))
  expect(audited).toEqual(plain)
  const cleared = trail.take().filter(({ action }) => action === 'OBJ_DELETE')
  expect(cleared.map(({ content }) => content?.rows)).toEqual(Array(12).fill(1))
})

it.each([
  // Locks are waited for by nobody here, so only the counting takes long.
  ['for want of time', [`SET LOCAL statement_timeout = '400ms'`]],
  ['for want of the right to read', ['SET LOCAL ROLE cleaner']],
])('a table whose rows cannot be counted, %s, is cleared all the same, in a transaction', async (_, before) => {
  const slow = `CREATE FUNCTION slow(int) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT pg_sleep(1) IS NOT NULL'`
  const { both, trail } = await start([Thing], { sql: [slow] })
  const { plain, audited } = await both(async (source) => {
    await source.query('DO $$ BEGIN CREATE ROLE cleaner; EXCEPTION WHEN OTHERS THEN NULL; END $$')
    await source.query('GRANT TRUNCATE ON thing TO cleaner')
    // Rows that take a second to count: a policy asks for each, unless its owner does.
    await source.query('ALTER TABLE thing ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY')
    await source.query('CREATE POLICY wait ON thing USING (slow(id)) WITH CHECK (true)')
    await source.query('CREATE ROLE counter NOLOGIN').catch(() => undefined)
    await source.query('GRANT ALL ON thing TO counter')
    await source.query(`INSERT INTO thing (name) VALUES ('a')`)
    await source.transaction(async (manager) => {
      await manager.query('SET LOCAL ROLE counter')
      for (const one of before) await manager.query(one)
      await manager.clear(Thing)
    })
    return source.query('SELECT * FROM thing')
  })
  expect(plain).toEqual([])
  expect(audited).toEqual(plain)
  expect(trail.one()).toMatchObject({
    content: { cleared: true },
    coverage_reason: 'the table was cleared, and its rows could not be counted',
  })
})
