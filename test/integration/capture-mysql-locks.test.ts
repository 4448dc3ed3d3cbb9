import 'reflect-metadata'
import { Column, Entity, type EntityManager, PrimaryColumn } from 'typeorm'
import { describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { auditedSources } from '../support/audited-source'
import { summary } from '../unit/capture/support'

@Entity()
@AuditUpdateDelete
class Account {
  @PrimaryColumn({ type: 'int' }) id!: number
  @Column({ type: 'int' }) n!: number
  @Column({ type: 'int', default: 0 }) kind!: number
}
@Entity()
class Other {
  @PrimaryColumn({ type: 'int' }) id!: number
}
const open = auditedSources<'mariadb' | 'mysql'>([Account, Other])

function fill(manager: EntityManager, rows: number): Promise<unknown> {
  const values = Array.from({ length: rows }, (_, index) => `(${index + 1}, 5, 0)`)
  return manager.query(`INSERT INTO account VALUES ${values.join(', ')}`)
}

describe.each(['mariadb', 'mysql'] as const)("REPEATABLE READ, type: '%s'", (driver) => {
  it.each([1, 2_100])(
    'an update of %i rows that changes nothing has no event, however old the snapshot is',
    async (n) => {
      const { dataSource, manager, trail } = await open(driver)
      await fill(manager, n)
      await manager.transaction(async (inner) => {
        await inner.find(Account)
        await dataSource.query('UPDATE account SET n = 9')
        await inner.update(Account, { kind: 0 }, { n: 9 })
      })
      const events = trail.take()
      expect(events, summary(events)).toEqual([])
    },
  )
  it.each([1, 2_100])('an update of %i rows does not fix the snapshot of its transaction', async (n) => {
    const { dataSource, manager } = await open(driver)
    await fill(manager, n)
    await manager.transaction(async (inner) => {
      await inner.update(Account, { kind: 0 }, { n: 6 })
      await dataSource.query('INSERT INTO other VALUES (1)')
      expect(await inner.count(Other)).toBe(1)
    })
  })
  it('nor does an insert of which subscribers are not told', async () => {
    const { dataSource, manager, trail } = await open(driver)
    await manager.transaction(async (inner) => {
      const insert = inner.createQueryBuilder().insert().into(Account).values({ id: 1, n: 5 })
      await insert.updateEntity(false).callListeners(false).execute()
      await dataSource.query('INSERT INTO other VALUES (1)')
      expect(await inner.count(Other)).toBe(1)
    })
    expect(trail.one().changes).toMatchObject({ n: { to: 5 } })
  })
  it('rows that others have locked are not waited for, however many of the table are written', async () => {
    const { manager, trail } = await open(driver)
    await fill(manager, 100)
    const update = (from: number, to: number, meanwhile: () => Promise<void>) =>
      manager.transaction(async (inner) => {
        await inner.query('SET SESSION innodb_lock_wait_timeout = 1')
        const builder = inner.createQueryBuilder().update(Account).set({ n: 6 })
        await builder.where(`id BETWEEN ${from} AND ${to}`).execute()
        await meanwhile()
      })
    await update(1, 40, () => update(61, 100, async () => undefined))
    expect(trail.take()).toHaveLength(80)
  })
})
