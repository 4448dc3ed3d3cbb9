import 'reflect-metadata'
import { join } from 'node:path'
import { Column, DataSource, Entity, EntitySchema, PrimaryColumn } from 'typeorm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { auditedSources } from '../support/audited-source'
import { betterSqlite3Binding } from '../support/better-sqlite3'
import { removeDirectory, temporaryDirectory } from '../support/temp-directory'
import { summary, Trail } from '../unit/capture/support'

@Entity({ name: 'page', synchronize: false })
@AuditUpdateDelete
class Page {
  @PrimaryColumn('integer', { name: 'rowid' }) id!: number
  @Column('text') body!: string
}

@Entity()
@AuditUpdateDelete
class Job {
  @PrimaryColumn('integer') id!: number
  @Column('varchar') state!: string
  @Column('integer', { default: 0 }) n!: number
}

const openPages = auditedSources<'better-sqlite3'>([Page])

it('an entity on a full-text table (FTS5): writes succeed, and what cannot be returned is said', async () => {
  const { manager, trail } = await openPages('better-sqlite3')
  await manager.query('CREATE VIRTUAL TABLE page USING fts5(body)')
  await manager.insert(Page, { id: 1, body: 'a' })
  expect(trail.one().changes).toMatchObject({ body: { to: 'a' } })
  expect(await manager.update(Page, 1, { body: 'b' })).toMatchObject({ affected: 1 })
  expect(trail.one()).toMatchObject({ action: 'OBJ_UPDATE', coverage: 'partial' })
  expect(await manager.delete(Page, 1)).toMatchObject({ affected: 1 })
  expect(trail.one()).toMatchObject({ action: 'OBJ_DELETE', coverage: 'partial' })
})

describe('databases in files', () => {
  let directory: string
  const opened: DataSource[] = []

  beforeEach(() => {
    directory = temporaryDirectory('sqlite-files')
  })
  afterEach(async () => {
    for (const dataSource of opened.splice(0)) await dataSource.destroy()
    removeDirectory(directory)
  })

  async function open(options: object): Promise<DataSource> {
    const given = { type: 'better-sqlite3', database: join(directory, 'main.db'), enableWAL: true, ...options }
    const dataSource = new DataSource({ ...given, nativeBinding: await betterSqlite3Binding() } as never)
    opened.push(dataSource)
    return dataSource.initialize()
  }

  describe.each([true, false])('that another connection writes to, enableWAL: %s', (enableWAL) => {
    async function target() {
      const audited = await open({ entities: [Job], synchronize: true, enableWAL })
      const other = await open({ enableWAL })
      const trail = new Trail()
      trail.attach(audited)
      await audited.manager.insert(Job, [
        { id: 1, state: 'open', n: 1 },
        { id: 2, state: 'closed', n: 2 },
      ])
      trail.take()
      const between = (verb: string, ...statements: string[]) => {
        // At once, because TypeORM 0.3 waits for no subscriber.
        const { databaseConnection } = other.driver as unknown as { databaseConnection: { exec(sql: string): void } }
        const beforeQuery = ({ query }: { query: string }) => {
          if (query.startsWith(verb)) for (const sql of statements.splice(0)) databaseConnection.exec(sql)
        }
        audited.subscribers.push({ beforeQuery } as never)
      }
      return { manager: audited.manager, trail, between, other }
    }
    const SWAP = ["UPDATE job SET state = 'closed' WHERE id = 1", "UPDATE job SET state = 'open' WHERE id = 2"]

    it.each([
      ['another column', { n: 7 }],
      ['the key', { id: 7 }],
    ])('no event is of another row than the one of which %s was set', async (_, values) => {
      const { manager, trail, between } = await target()
      between('UPDATE', ...SWAP)
      await manager.update(Job, { state: 'open' }, values)
      expect(await manager.countBy(Job, { id: 1, n: 1 })).toBe(1)
      const event = trail.one()
      expect([event.coverage, event.instance?.pk]).toEqual(['partial', undefined])
    })

    it.each(['increment', 'upsert'] as const)('%s(): an old value that may be another is not certain', async (verb) => {
      const { manager, trail, between } = await target()
      between(verb === 'upsert' ? 'INSERT' : 'UPDATE', 'UPDATE job SET n = 100 WHERE id = 1')
      if (verb === 'upsert') await manager.upsert(Job, { id: 1, state: 'open', n: 101 }, ['id'])
      else await manager.increment(Job, { id: 1 }, 'n', 1)
      const event = trail.one()
      expect(event).toMatchObject({ coverage: 'partial', changes: { n: { to: 101 } } })
      expect(event.coverage_reason).toContain('another connection')
    })

    it('a change back to what was read is not missing', async () => {
      const { manager, trail, between } = await target()
      between('UPDATE', 'UPDATE job SET n = 100 WHERE id = 1')
      await manager.update(Job, { id: 1 }, { n: 1 })
      expect(trail.one()).toMatchObject({ action: 'OBJ_UPDATE', coverage: 'partial' })
    })

    it('of very many rows, the old values are not certain', async () => {
      const { manager, trail, between } = await target()
      await manager.query(`WITH RECURSIVE i(n) AS (SELECT 3 UNION ALL SELECT n + 1 FROM i WHERE n < 2500)
        INSERT INTO job SELECT n, 'open', 1 FROM i`)
      between('UPDATE', 'UPDATE job SET n = 100 WHERE id = 1')
      await manager.increment(Job, { state: 'open' }, 'n', 1)
      const events = trail.take()
      expect(events.filter(({ coverage }) => coverage === 'partial')).toHaveLength(events.length)
    })

    it('what it wrote before, and the own transactions, leave no doubt', async () => {
      const { manager, trail, other } = await target()
      await other.query('UPDATE job SET n = 5 WHERE id = 1')
      await manager.increment(Job, { id: 1 }, 'n', 1)
      await manager.transaction(async (inner) => {
        await inner.increment(Job, { id: 1 }, 'n', 1)
        await inner.upsert(Job, { id: 1, state: 'open', n: 9 }, ['id'])
      })
      const events = trail.take()
      expect(events.map(({ coverage, changes }) => [coverage, changes?.n])).toEqual([
        [undefined, { from: 5, to: 6 }],
        [undefined, { from: 6, to: 7 }],
        [undefined, { from: 7, to: 9 }],
      ])
    })
  })

  it('an entity in another file (the option database of @Entity): its rows are known', async () => {
    const Part = new EntitySchema<{ id: number; n: number }>({
      name: 'Part',
      database: join(directory, 'parts.db'),
      columns: { id: { type: 'integer', primary: true }, n: { type: 'integer' } },
    })
    const dataSource = await open({ entities: [Part], synchronize: true })
    const { manager } = dataSource
    const trail = new Trail({ models: 'all' })
    trail.attach(dataSource)
    await manager.insert(Part, { id: 1, n: 1 })
    await manager.update(Part, { id: 1 }, { n: 2 })
    await manager.upsert(Part, { id: 1, n: 3 }, ['id'])
    await manager.delete(Part, { id: 1 })
    const events = trail.take()
    expect(
      events.map(({ coverage, changes }) => [coverage, changes?.n]),
      summary(events),
    ).toEqual([
      [undefined, { to: 1 }],
      [undefined, { from: 1, to: 2 }],
      [undefined, { from: 2, to: 3 }],
      [undefined, { from: 3 }],
    ])
  })
})
