import 'reflect-metadata'
import { Column, DeleteDateColumn, Entity, PrimaryColumn, PrimaryGeneratedColumn, VersionColumn } from 'typeorm'
import { describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { auditedSources } from '../support/audited-source'
import { summary } from '../unit/capture/support'

@Entity()
@AuditUpdateDelete
class Item {
  @PrimaryColumn({ type: 'int' }) id!: number
  @Column({ type: 'int', default: 0 }) n!: number
  @Column({ type: 'decimal', precision: 10, scale: 2, default: 0 }) price!: string
  @DeleteDateColumn() gone!: Date | null
}
@Entity()
@AuditUpdateDelete
class Versioned {
  @PrimaryColumn({ type: 'int' }) id!: number
  @Column({ type: 'int', default: 0 }) n!: number
  @VersionColumn() version!: number
}
@Entity()
@AuditUpdateDelete
class Numbered {
  @PrimaryGeneratedColumn() id!: number
  @Column({ type: 'int', default: 0 }) n!: number
}
const DRIVERS = ['postgres', 'mariadb', 'mysql', 'sqljs', 'better-sqlite3'] as const
const open = auditedSources<(typeof DRIVERS)[number]>([Item, Versioned, Numbered])

describe.each(DRIVERS)('a list that has a row twice, %s', (driver) => {
  async function target() {
    const { manager, trail } = await open(driver)
    await manager.insert(Item, { id: 1 })
    trail.take()
    return { manager, trail, item: (values: Partial<Item>) => manager.create(Item, { id: 1, ...values }) }
  }

  it('save() of the same object twice: one change, one event', async () => {
    const { manager, trail, item } = await target()
    const one = item({ n: 4 })
    await manager.save([one, one])
    expect(trail.one().changes).toEqual({ n: { from: 0, to: 4 } })
  })

  it('save() of two objects: from of the second is what the first one wrote', async () => {
    const { manager, trail, item } = await target()
    await manager.save(Item, [item({ n: 2 }), item({ n: 3 })])
    const events = trail.take()
    expect(
      events.map(({ changes }) => changes),
      summary(events),
    ).toEqual([{ n: { from: 0, to: 2 } }, { n: { from: 2, to: 3 } }])
  })

  it('save() of two objects, the first one of a value that the database rounds: both changes are told', async () => {
    const { manager, trail, item } = await target()
    await manager.save([item({ price: '2.004' }), item({ n: 3 })])
    const names = trail.take().flatMap(({ changes }) => Object.keys(changes ?? {}))
    expect(names).toEqual(['price', 'n'])
  })

  it('softRemove() and recover(): the date is told once for each change of it', async () => {
    const { manager, trail, item } = await target()
    const one = item({})
    await manager.softRemove([one, one])
    const removed = trail.take()
    expect(removed[0]?.changes).toMatchObject({ gone: { from: null } })
    const dates = removed.map(({ changes }) => changes?.gone as { from: unknown; to: unknown })
    expect(dates.slice(1).map(({ from }) => from)).toEqual(dates.slice(0, -1).map(({ to }) => to))
    await manager.recover([one, one])
    expect(trail.one().changes).toEqual({ gone: { from: dates.at(-1)?.to, to: null } })
  })

  it('save() of a new object twice inserts it twice, and tells of both rows', async () => {
    const { manager, trail } = await open(driver)
    const one = manager.create(Numbered, { n: 1 })
    await manager.save([one, one])
    const rows = await manager.find(Numbered)
    const told = trail.take().map(({ instance, changes }) => [instance?.pk, changes])
    expect(told).toEqual(rows.map(({ id, n }) => [String(id), { id: { to: id }, n: { to: n } }]))
  })

  it('save(): entities have the fields that they have without capture', async () => {
    const { dataSource, manager, trail } = await open(driver)
    const run = async () => {
      await manager.query('DELETE FROM versioned')
      await manager.insert(Versioned, { id: 1 })
      return manager.save([manager.create(Versioned, { id: 1, n: 2 }), manager.create(Versioned, { id: 1, n: 3 })])
    }
    const audited = await run()
    trail.attach(dataSource)()
    expect(audited).toEqual(await run())
  })
})
