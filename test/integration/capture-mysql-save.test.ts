import 'reflect-metadata'
import { Column, Entity, PrimaryColumn } from 'typeorm'
import { describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { auditedSources } from '../support/audited-source'
import { summary } from '../unit/capture/support'

const lower = {
  to: (value: unknown) => (typeof value === 'string' ? value.toLowerCase() : value),
  from: (v: unknown) => v,
}

@Entity()
@AuditUpdateDelete
class Round {
  @PrimaryColumn({ type: 'int' }) id!: number
  @Column({ type: 'datetime', nullable: true }) at!: Date | null
  @Column({ type: 'decimal', precision: 10, scale: 2, nullable: true }) total!: string | null
  @Column({ type: 'int', nullable: true }) n!: number | null
  @Column({ type: 'set', enum: ['a', 'b', 'c'], nullable: true }) flags!: string[] | null
  @Column({ type: 'enum', enum: ['open', 'closed'], nullable: true }) state!: string | null
  @Column({ type: 'varchar', length: 50, nullable: true, transformer: lower }) mail!: string | null
}
@Entity()
@AuditUpdateDelete
class Stamp {
  @PrimaryColumn({ type: 'int' }) id!: number
  @Column({ type: 'varchar', length: 20, nullable: true }) note!: string | null
  @Column({
    type: 'timestamp',
    precision: 6,
    default: () => 'CURRENT_TIMESTAMP(6)',
    onUpdate: 'CURRENT_TIMESTAMP(6)',
  })
  touched!: Date
}
@Entity()
@AuditUpdateDelete
class Counter {
  @PrimaryColumn({ type: 'int' }) id!: number
  @Column({ type: 'int' }) n!: number
}
@Entity()
@AuditUpdateDelete
class Thing {
  @PrimaryColumn({ type: 'int' }) id!: number
  @Column({ type: 'double', precision: 10, scale: 2, nullable: true }) price!: number | null
  @Column({ type: 'decimal', precision: 10, scale: 2, nullable: true }) total!: string | null
  @Column({ type: 'json', nullable: true }) doc!: unknown
}
const open = auditedSources<'mariadb' | 'mysql'>([Round, Stamp, Counter, Thing])

describe.each(['mariadb', 'mysql'] as const)("what save() is told, type: '%s'", (driver) => {
  it('save(): nor does a write to another data source', async () => {
    const [one, two] = [await open(driver), await open(driver)]
    for (const { manager, trail } of [one, two]) {
      await manager.insert(Counter, { id: 1, n: 1 })
      trail.take()
    }
    const beforeUpdate = () => two.manager.update(Counter, 1, { n: 50 })
    one.dataSource.subscribers.push({ listenTo: () => Counter, beforeUpdate } as never)
    const counter = await one.manager.findOneByOrFail(Counter, { id: 1 })
    counter.n = 2
    await one.manager.save(counter)
    expect(one.trail.take().map(({ changes }) => changes)).toEqual([{ n: { from: 1, to: 2 } }])
    expect(two.trail.take().map(({ changes }) => changes)).toEqual([{ n: { from: 1, to: 50 } }])
  })
  it('save(): to is what the database has', async () => {
    const { manager, trail } = await open(driver)
    const at = new Date('2026-01-01T00:00:00Z')
    await manager.insert(Round, { id: 1, at, total: '1.00', n: 1, flags: ['a'], state: 'open', mail: 'a@b' })
    trail.take()
    const round = await manager.findOneByOrFail(Round, { id: 1 })
    Object.assign(round, { at: new Date('2026-01-02T00:00:00.700Z'), total: '2.004', n: 2.6 })
    Object.assign(round, { flags: ['c', 'a'], state: 'CLOSED', mail: 'X@Y' })
    await manager.save(round)
    const { at: day, total, n, flags, state, mail } = await manager.findOneByOrFail(Round, { id: 1 })
    const told = Object.entries(trail.one().changes ?? {}).map(([name, one]) => [name, (one as { to?: unknown }).to])
    expect(Object.fromEntries(told)).toEqual({ at: day?.toISOString(), total, n, flags, state, mail })
  })
  it.each([
    { price: 1.239 },
    { total: '-0' },
    { doc: { map: new Map([['a', 1]]), set: new Set([1]), n: Number.NaN, bytes: Buffer.from('x') } },
    { doc: '{"a":1}' },
    { doc: { a: [1, 'b'] }, price: 1, total: '2' },
  ])('save() of %o has the event that update() has', async (given) => {
    const { manager, trail } = await open(driver)
    await manager.insert(Thing, [{ id: 1 }, { id: 2 }])
    trail.take()
    await manager.update(Thing, 1, given as object)
    const exact = trail.one().changes
    const thing = await manager.findOneByOrFail(Thing, { id: 2 })
    await manager.save(Object.assign(thing, given))
    expect(trail.one().changes).toEqual(exact)
  })
  it('save() of several rows that the database keeps as they are tells nothing', async () => {
    const { manager, trail } = await open(driver)
    await manager.insert(Round, [
      { id: 1, total: '1.00' },
      { id: 2, total: '2.00' },
    ])
    trail.take()
    const rows = await manager.find(Round)
    for (const row of rows) row.total = `${row.total}1`
    await manager.save(rows)
    const events = trail.take()
    expect(events, summary(events)).toEqual([])
  })
  it('save(): ON UPDATE CURRENT_TIMESTAMP is among what was changed', async () => {
    const { manager, trail } = await open(driver)
    await manager.insert(Stamp, { id: 1, note: 'x' })
    trail.take()
    const stamp = await manager.findOneByOrFail(Stamp, { id: 1 })
    stamp.note = 'y'
    await manager.save(stamp)
    expect(Object.keys(trail.one().changes ?? {})).toEqual(['note', 'touched'])
  })
})
