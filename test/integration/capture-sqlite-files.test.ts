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
