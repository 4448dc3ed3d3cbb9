import 'reflect-metadata'
import {
  Column,
  DataSource,
  type DataSourceOptions,
  Entity,
  Generated,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  UpdateDateColumn,
} from 'typeorm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { createDatabase } from '../support/shared'
import { Trail } from '../unit/capture/support'

@Entity({ schema: 'billing' })
@AuditUpdateDelete
class Elsewhere {
  @PrimaryGeneratedColumn('uuid')
  id!: string

  @Column({ type: 'bigint' })
  big!: string | number | bigint

  @Column({ type: 'numeric', precision: 12, scale: 3 })
  amount!: string | number

  @Column({ type: 'jsonb', nullable: true })
  data!: object | null

  @Column({ type: 'bytea', nullable: true })
  raw!: Buffer | null

  @Column({ type: 'date', nullable: true })
  day!: string | Date | null

  @Column({ type: 'timestamptz', nullable: true })
  at!: Date | null

  @Column({ type: 'text', array: true, nullable: true })
  labels!: string[] | null

  @Column({ type: 'int', nullable: true })
  count!: number | string | null

  @Column({ type: 'enum', enum: ['open', 'closed'], default: 'open' })
  state!: string

  @Column({ type: 'varchar', nullable: true })
  code!: string | number | null

  @Column({ type: 'int', generatedType: 'STORED', asExpression: '"count" * 2', nullable: true })
  twice!: number | null

  @UpdateDateColumn()
  updatedAt!: Date
}

@Entity()
@AuditUpdateDelete
class Moment {
  @PrimaryColumn({ type: 'timestamptz' })
  at!: Date

  @PrimaryColumn({ type: 'bytea' })
  hash!: Buffer

  @Column()
  @Generated('increment')
  serial!: number

  @Column({ type: 'varchar', nullable: true })
  note!: string | null
}

let dataSource: DataSource
let trail: Trail
const make = <T extends object>(type: new () => T, fields: Partial<T>): T => Object.assign(new type(), fields)

describe('values of PostgreSQL', () => {
  beforeAll(async () => {
    const place = await createDatabase('postgres')
    dataSource = new DataSource({ ...place, entities: [Elsewhere, Moment] } as DataSourceOptions)
    await dataSource.initialize()
    await dataSource.query('CREATE SCHEMA billing')
    await dataSource.synchronize()
    trail = new Trail()
    trail.attach(dataSource)
  })
  afterAll(() => dataSource.destroy())

  it('are safe, exact and comparable, and the table is named with its schema', async () => {
    const one = await dataSource.manager.save(
      make(Elsewhere, {
        big: '9007199254740993',
        amount: '1.5',
        data: { b: 1, a: [null] },
        raw: Buffer.from('abc'),
        day: '2026-02-03',
        at: new Date(1),
        labels: ['x'],
        count: 2,
        code: '007',
      }),
    )
    const created = trail.one()
    expect(created).toMatchObject({
      instance: { model: 'Elsewhere', table: 'billing.elsewhere', pk: one.id },
      changes: {
        big: { to: '9007199254740993' },
        amount: { to: '1.500' },
        data: { to: { a: [null], b: 1 } },
        raw: { to: { type: 'Buffer', bytes: 3, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } },
        day: { to: '2026-02-03' },
        at: { to: '1970-01-01T00:00:00.001Z' },
        labels: { to: ['x'] },
        count: { to: 2 },
        state: { to: 'open' },
        twice: { to: 4 },
      },
    })
    expect(created.coverage).toBeUndefined()
  })

  it('do not change with their JavaScript type', async () => {
    const [one] = await dataSource.manager.find(Elsewhere)
    if (one === undefined) throw new Error('the row is missing')
    one.big = 9007199254740993n
    one.amount = 1.5
    one.count = '2'
    one.data = { a: [null], b: 1 }
    one.raw = Buffer.from('abc')
    one.day = new Date(2026, 1, 3, 12)
    one.at = new Date(1)
    await dataSource.manager.save(one)
    const changes = trail.take().flatMap((event) => Object.keys(event.changes ?? {}))
    expect(changes.filter((name) => name !== 'updatedAt')).toEqual([])
  })

  it('are shown before and after, also what the database computes', async () => {
    const [one] = await dataSource.manager.find(Elsewhere)
    if (one === undefined) throw new Error('the row is missing')
    Object.assign(one, {
      big: 5,
      amount: 2,
      count: 3,
      code: 7,
      labels: ['x', 'y'],
      state: 'closed',
      day: new Date(2026, 1, 4),
    })
    await dataSource.manager.save(one)
    expect(trail.one().changes).toMatchObject({
      big: { from: '9007199254740993', to: '5' },
      amount: { from: '1.500', to: '2.000' },
      count: { from: 2, to: 3 },
      twice: { from: 4, to: 6 },
      code: { from: '007', to: '7' },
      labels: { from: ['x'], to: ['x', 'y'] },
      state: { from: 'open', to: 'closed' },
      day: { from: '2026-02-03', to: '2026-02-04' },
      updatedAt: { from: expect.any(String), to: expect.any(String) },
    })
  })

  it('make keys of any type', async () => {
    const moment = await dataSource.manager.save(make(Moment, { at: new Date(5), hash: Buffer.from([0, 255]) }))
    const pk = '{"at":"1970-01-01T00:00:00.005Z","hash":"00ff"}'
    expect(trail.one().instance).toMatchObject({ pk, table: 'moment' })
    moment.note = 'x'
    await dataSource.manager.save(moment)
    expect(trail.one().instance?.pk).toBe(pk)
    await dataSource.manager.remove(moment)
    expect(trail.one()).toMatchObject({ action: 'OBJ_DELETE', instance: { pk } })
  })
})
