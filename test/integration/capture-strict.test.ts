import 'reflect-metadata'
import { types } from 'pg'
import { Column, DataSource, Entity, PrimaryColumn } from 'typeorm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AuditError } from '../../config/errors'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { DRIVERS, emptyDatabase, type MatrixDriver } from '../support/matrix/targets'
import { Trail } from '../unit/capture/support'

let broken: unknown = false
const failing = (what: string, value?: unknown) => {
  if (broken === true || (value !== undefined && broken === value)) throw new Error(`${what} is out of order`)
}
const noted = {
  to: (value: unknown) => value,
  from: (value: unknown) => {
    failing('the transformer', value)
    return value
  },
}

@Entity()
@AuditUpdateDelete
class Account {
  @PrimaryColumn({ type: 'int' })
  id!: number

  @Column({ type: 'varchar', length: 40, nullable: true, transformer: noted })
  note!: string | null
}

@Entity()
@AuditUpdateDelete({
  label: () => {
    failing('the label')
    return 'a label'
  },
})
class Labelled {
  @PrimaryColumn({ type: 'int' })
  id!: number

  @Column({ type: 'varchar', length: 40, nullable: true })
  note!: string | null
}

async function open(driver: MatrixDriver, settings: object) {
  const dataSource = await new DataSource({
    ...(await emptyDatabase(driver)),
    entities: [Account, Labelled],
    synchronize: true,
  } as never).initialize()
  const trail = new Trail(settings)
  const detach = trail.attach(dataSource)
  return { dataSource, trail, detach }
}

/** What is in the table, asked without the entity. */
const rows = (dataSource: DataSource, table = 'account') =>
  dataSource.query(`SELECT id, note FROM ${table} ORDER BY id`) as Promise<{ id: number; note: string | null }[]>

const writes: [string, (dataSource: DataSource) => Promise<unknown>][] = [
  ['insert', ({ manager }) => manager.insert(Account, { id: 2, note: 'new' })],
  [
    'insert by query builder',
    ({ manager }) =>
      manager.createQueryBuilder().insert().into(Account).values({ id: 2, note: 'n' }).updateEntity(false).execute(),
  ],
  ['upsert', ({ manager }) => manager.upsert(Account, { id: 1, note: 'upserted' }, ['id'])],
  ['update', ({ manager }) => manager.update(Account, 1, { note: 'updated' })],
  ['update by criteria', ({ manager }) => manager.update(Account, { note: 'old' }, { note: 'updated' })],
  ['delete', ({ manager }) => manager.delete(Account, 1)],
  [
    'save of a new one, without listeners',
    ({ manager }) => manager.save(Account, { id: 2, note: 'n' }, { listeners: false }),
  ],
  ['save in a transaction', ({ manager }) => manager.transaction((inner) => inner.update(Account, 1, { note: 'in' }))],
]

describe.each([...DRIVERS])('%s: a capture that fails', (driver) => {
  let opened: Awaited<ReturnType<typeof open>>
  let strict: Awaited<ReturnType<typeof open>>

  beforeAll(async () => {
    opened = await open(driver, {})
    strict = await open(driver, { strict: true })
  })
  afterAll(async () => {
    await opened?.dataSource.destroy()
    await strict?.dataSource.destroy()
  })
  beforeEach(async () => {
    broken = false
    for (const { dataSource, trail } of [opened, strict]) {
      await dataSource.query('DELETE FROM account')
      await dataSource.query('DELETE FROM labelled')
      await dataSource.query(`INSERT INTO account (id, note) VALUES (1, 'old')`)
      await dataSource.query(`INSERT INTO labelled (id, note) VALUES (1, 'old')`)
      trail.take()
      trail.warnings.length = 0
    }
  })

  it.each(writes)('does not fail the write, and is counted and reported: %s', async (_, write) => {
    const { dataSource, trail } = opened
    broken = true
    await write(dataSource)
    // Without strict the transformer is asked a little later.
    const [event, ...others] = trail.take()
    broken = false
    expect(await rows(dataSource)).not.toEqual([{ id: 1, note: 'old' }])
    expect(others).toEqual([])
    expect(event?.coverage).toBe('partial')
    expect(event?.coverage_reason).toBeTruthy()
  })

  it.each(writes)('fails the write before COMMIT when strict is set: %s', async (_, write) => {
    const { dataSource, trail } = strict
    broken = true
    await expect(write(dataSource)).rejects.toMatchObject({ code: 'AUDIT_STRICT' })
    broken = false
    expect(await rows(dataSource)).toEqual([{ id: 1, note: 'old' }])
    expect(trail.take()).toEqual([])
    // And nothing is left behind that would fail the next one.
    await write(dataSource)
    expect(trail.take()).toHaveLength(1)
  })

  it.each(writes)('fails the write when strict is set and its event would not be accepted: %s', async (_, write) => {
    const { dataSource, trail } = strict
    Object.assign(trail.recorder, { refusal: () => new AuditError('AUDIT_CLOSED', {}) })
    try {
      await expect(write(dataSource)).rejects.toMatchObject({ code: 'AUDIT_STRICT' })
    } finally {
      Reflect.deleteProperty(trail.recorder, 'refusal')
    }
    expect(await rows(dataSource)).toEqual([{ id: 1, note: 'old' }])
    expect(trail.take()).toEqual([])
  })

  it('of a label does not fail the write; the event says that the name could not be read', async () => {
    const { dataSource, trail } = opened
    broken = true
    await dataSource.manager.update(Labelled, 1, { note: 'new' })
    await dataSource.manager.insert(Labelled, { id: 2 })
    const events = trail.take()
    broken = false
    expect(events.map(({ action, instance }) => [action, instance?.name])).toEqual([
      ['OBJ_UPDATE', '[Unreadable]'],
      ['OBJ_CREATE', '[Unreadable]'],
    ])
    expect(trail.warnings.length).toBeGreaterThan(0)
  })

  it('is counted, reported once a kind, and does not reach an outer transaction', async () => {
    const { dataSource, trail } = opened
    await dataSource.transaction(async (manager) => {
      broken = 'in'
      await manager.update(Account, 1, { note: 'in' })
      await manager.insert(Account, { id: 3, note: 'after' })
    })
    const events = trail.take()
    broken = false
    expect(await rows(dataSource)).toEqual([
      { id: 1, note: 'in' },
      { id: 3, note: 'after' },
    ])
    expect(events.map(({ action, coverage }) => [action, coverage])).toEqual([
      ['OBJ_UPDATE', 'partial'],
      ['OBJ_CREATE', undefined],
    ])
  })

  it('in a savepoint fails the whole transaction when strict is set, though the application swallows it', async () => {
    const { dataSource, trail } = strict
    const outer = dataSource.transaction(async (manager) => {
      await manager.insert(Account, { id: 3, note: 'before' })
      broken = true
      await manager.update(Account, 1, { note: 'in' }).catch(() => undefined)
      broken = false
    })
    await expect(outer).rejects.toMatchObject({ code: 'AUDIT_STRICT' })
    expect(await rows(dataSource)).toEqual([{ id: 1, note: 'old' }])
    expect(trail.take()).toEqual([])
  })
})

describe('postgres: a type parser of the application that throws', () => {
  const INET = 869
  const getTypeParser = (type: number, format: 'text') =>
    type === INET
      ? () => {
          throw new Error('the parser is out of order')
        }
      : types.getTypeParser(type, format)

  @Entity()
  @AuditUpdateDelete
  class Host {
    @PrimaryColumn({ type: 'int' })
    id!: number

    @Column({ type: 'inet' })
    address!: string

    @Column({ type: 'inet', default: '10.0.0.1' })
    fallback!: string
  }

  async function openHosts(settings: object) {
    const dataSource = await new DataSource({
      ...(await emptyDatabase('postgres')),
      entities: [Host],
      synchronize: true,
      extra: { types: { getTypeParser } },
    } as never).initialize()
    const trail = new Trail(settings)
    trail.attach(dataSource)
    const insert = () =>
      dataSource
        .createQueryBuilder()
        .insert()
        .into(Host)
        .values({ id: 1, address: '10.0.0.9' })
        .updateEntity(false)
        .execute()
    const count = async () => ((await dataSource.query('SELECT id FROM host')) as unknown[]).length
    return { dataSource, trail, insert, count }
  }

  it('does not fail a write that does not ask for it, and the event says so', async () => {
    const { dataSource, trail, insert, count } = await openHosts({})
    await insert()
    expect(trail.one()).toMatchObject({ action: 'OBJ_CREATE', coverage: 'partial' })
    expect(await count()).toBe(1)
    await dataSource.destroy()
  })

  it('fails it before COMMIT when strict is set', async () => {
    const { dataSource, trail, insert, count } = await openHosts({ strict: true })
    await expect(insert()).rejects.toMatchObject({ code: 'AUDIT_STRICT' })
    expect(await count()).toBe(0)
    expect(trail.take()).toEqual([])
    await dataSource.destroy()
  })

  it('fails a write of which TypeORM asks for the value, as it does without capture', async () => {
    const { dataSource, count } = await openHosts({})
    const saved = dataSource.manager.insert(Host, { id: 2, address: '10.0.0.9' })
    await expect(saved).rejects.toThrow('the parser is out of order')
    // The statement stood alone, and was committed when its rows could not be read.
    expect(await count()).toBe(1)
    await dataSource.destroy()
  })
})
