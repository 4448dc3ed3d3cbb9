import 'reflect-metadata'
import { Column, DataSource, type DataSourceOptions, DeleteDateColumn, Entity, PrimaryGeneratedColumn } from 'typeorm'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { emptyDatabase } from '../support/matrix/targets'
import { Trail } from '../unit/capture/support'

@Entity()
@AuditUpdateDelete
class Parcel {
  @PrimaryGeneratedColumn() id!: number
  @Column({ type: 'varchar', length: 100 }) content!: string
  @DeleteDateColumn() gone!: Date | null
}

const closing: (() => Promise<void>)[] = []
beforeEach(() => {
  vi.resetModules()
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function attached(driver: Parameters<typeof emptyDatabase>[0], trail: Trail): Promise<DataSource> {
  const options = { ...(await emptyDatabase(driver)), entities: [Parcel], synchronize: true }
  const dataSource = await new DataSource(options as unknown as DataSourceOptions).initialize()
  const detach = trail.attach(dataSource)
  closing.push(async () => {
    detach()
    await dataSource.destroy()
  })
  return dataSource
}

/** As where two dependencies of an application have a version of this package each. */
async function secondCopy(): Promise<Trail> {
  const copy = await import('../unit/capture/support.js')
  expect(copy.Trail).not.toBe(Trail)
  return new copy.Trail()
}

describe.each(['postgres', 'mariadb', 'mysql', 'sqljs', 'better-sqlite3'] as const)('two copies, %s', (driver) => {
  it.each(['first', 'second'] as const)(
    'each tells once of the writes of its own data source: the %s',
    async (which) => {
      const [first, second] = [new Trail(), await secondCopy()]
      const sources = [await attached(driver, first), await attached(driver, second)] as const
      const [trail, other] = which === 'first' ? [first, second] : [second, first]
      const { manager } = sources[which === 'first' ? 0 : 1]
      const parcel = await manager.save(manager.create(Parcel, { content: 'a' }))
      parcel.content = 'b'
      await manager.save(parcel)
      await manager.save(parcel, { reload: false })
      await manager.save([Object.assign(parcel, { content: 'c' }), manager.create(Parcel, { content: 'd' })], {
        listeners: false,
      })
      await manager.softRemove(parcel)
      await manager.recover(parcel)
      await manager.remove(parcel)
      expect(trail.take().map(({ action, changes }) => [action, changes?.content])).toEqual([
        ['OBJ_CREATE', { to: 'a' }],
        ['OBJ_UPDATE', { from: 'a', to: 'b' }],
        ['OBJ_CREATE', { to: 'd' }],
        ['OBJ_UPDATE', { from: 'b', to: 'c' }],
        ['OBJ_DELETE', undefined],
        ['OBJ_UPDATE', undefined],
        ['OBJ_DELETE', { from: 'c' }],
      ])
      expect(other.take()).toEqual([])
    },
  )
})
