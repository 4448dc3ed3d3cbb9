import 'reflect-metadata'
import { Column, DataSource, type DataSourceOptions, Entity, PrimaryGeneratedColumn, type QueryRunner } from 'typeorm'
import { afterEach, describe, expect, it } from 'vitest'
import { createDatabase } from '../support/shared'
import { summary, Trail } from '../unit/capture/support'

@Entity()
class Note {
  @PrimaryGeneratedColumn() id!: number
  @Column('text') text!: string
}

const opened: DataSource[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one.destroy()
})

/** What packages for tenants do (typeorm-rls among them): a query runner of their own, which sets the tenant before each query. */
async function open(): Promise<DataSource> {
  const options = { ...(await createDatabase('postgres')), entities: [Note], synchronize: true }
  const source = await new DataSource(options as DataSourceOptions).initialize()
  opened.push(source)
  const { driver } = source
  const Base = Object.getPrototypeOf(driver.createQueryRunner('master')).constructor as new (
    ...given: unknown[]
  ) => QueryRunner & { query(sql: string, parameters?: unknown[], structured?: boolean): Promise<unknown> }
  class TenantQueryRunner extends Base {
    override async query(sql: string, parameters?: unknown[], structured?: boolean): Promise<never> {
      await super.query(`SET app.tenant = '1'`)
      try {
        return (await super.query(sql, parameters, structured)) as never
      } finally {
        await super.query('RESET app.tenant')
      }
    }
  }
  driver.createQueryRunner = (mode) => new TenantQueryRunner(driver, mode)
  return source
}

describe('a query runner that sends a statement of its own before each query', () => {
  it('has the results that it has without capture, and its events', async () => {
    const plain = await open()
    const audited = await open()
    const trail = new Trail({ models: 'all' })
    trail.attach(audited)
    const run = async (source: DataSource) => {
      const inserted = await source.manager.insert(Note, { text: 'a' })
      const updated = await source.manager.update(Note, { id: 1 }, { text: 'b' })
      await source.transaction((inner) =>
        Promise.all(['c', 'd'].map((text) => inner.update(Note, { text: 'b' }, { text }))),
      )
      return { inserted: inserted.raw, updated: updated.raw, affected: updated.affected }
    }
    expect(await run(audited)).toEqual(await run(plain))
    expect(summary(trail.take()).split('\n')).toEqual([
      'OBJ_CREATE Note 1 {"id":{"to":1},"text":{"to":"a"}}',
      'OBJ_UPDATE Note 1 {"text":{"from":"a","to":"b"}}',
      'OBJ_UPDATE Note 1 {"text":{"from":"b","to":"c"}}',
    ])
  })
})
