import 'reflect-metadata'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { Column, type DataSource, Entity, Index, PrimaryColumn } from 'typeorm'
import { describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { finishSpareTime } from '../../src/spare-time'
import { type TwinDatabases, twinDatabases } from '../support/twin-databases'

const start = twinDatabases()

function told({ trail }: TwinDatabases) {
  return trail.take().map(({ action, instance, changes }) => [action, instance?.pk, changes])
}

@Entity()
class Account {
  @PrimaryColumn('int') id!: number
  @Column('int', { default: 0 }) n!: number
  @Column('text', { nullable: true }) name!: string | null
}
@Entity()
class Sample {
  @PrimaryColumn('timestamptz') at!: Date
  @Column('int') value!: number
}
@Entity()
class Hashed {
  @PrimaryColumn('bytea') hash!: Buffer
  @Column('int') value!: number
}
@Entity()
class Item {
  @PrimaryColumn('text') id!: string
  @Index({ unique: true }) @Column('text', { default: 'x' }) code!: string
  @Column('int', { default: 0 }) n!: number
}

describe('an upsert finds each row', () => {
  it('by a timestamp within the same second', async () => {
    const pair = await start([Sample])
    const { manager } = pair.audited
    const at = (ms: number) => ({ at: new Date(ms), value: 10 + ms })
    await manager.insert(Sample, [
      { at: new Date(1), value: 1 },
      { at: new Date(2), value: 2 },
    ])
    pair.trail.take()
    await manager.upsert(Sample, [at(1), at(2), at(3)], ['at'])
    expect(told(pair)).toEqual([
      ['OBJ_UPDATE', '1970-01-01T00:00:00.001Z', { value: { from: 1, to: 11 } }],
      ['OBJ_UPDATE', '1970-01-01T00:00:00.002Z', { value: { from: 2, to: 12 } }],
      ['OBJ_CREATE', '1970-01-01T00:00:00.003Z', { at: { to: '1970-01-01T00:00:00.003Z' }, value: { to: 13 } }],
    ])
  })

  it('by bytes that are no text', async () => {
    const pair = await start([Hashed])
    const { manager } = pair.audited
    const hashed = (byte: number, value: number) => ({ hash: Buffer.from([byte]), value })
    await manager.insert(Hashed, [hashed(0xfe, 1), hashed(0xff, 2)])
    pair.trail.take()
    await manager.upsert(Hashed, [hashed(0xfe, 11), hashed(0xff, 12), hashed(0xfd, 13)], ['hash'])
    const values = pair.trail.take().map(({ action, instance, changes }) => [action, instance?.pk, changes?.value])
    expect(values).toEqual([
      ['OBJ_UPDATE', 'fe', { from: 1, to: 11 }],
      ['OBJ_UPDATE', 'ff', { from: 2, to: 12 }],
      ['OBJ_CREATE', 'fd', { to: 13 }],
    ])
  })

  it('that it gives a new key', async () => {
    const pair = await start([Item])
    await pair.audited.manager.insert(Item, { id: 'a', code: 'x', n: 1 })
    pair.trail.take()
    await pair.audited.manager.upsert(Item, { id: 'b', code: 'x', n: 2 }, ['code'])
    expect(told(pair)).toEqual([['OBJ_UPDATE', 'a', { id: { from: 'a', to: 'b' }, n: { from: 1, to: 2 } }]])
  })

  it('but by a key that the database makes: then its event says so', async () => {
    const pair = await start([Item])
    await pair.audited.manager.insert(Item, { id: 'a', n: 1 })
    pair.trail.take()
    await pair.audited.manager.upsert(Item, { id: 'a', n: 2 }, ['code'])
    const { action, changes, coverage_reason } = pair.trail.one()
    if (Number.parseInt(pair.audited.driver.version ?? '', 10) >= 18) expect(changes).toEqual({ n: { from: 1, to: 2 } })
    else expect(coverage_reason).toMatch(/^1 rows were updated by an upsert: .*the database made the key/)
    expect(action).toBe('OBJ_UPDATE')
  })

  it('and outside a transaction, its event has none', async () => {
    const { audited, trail } = await start([Account])
    await audited.manager.upsert(Account, { id: 1, n: 1 }, ['id'])
    expect(trail.one().transaction).toBeUndefined()
  })
})

describe('at once', () => {
  it('upserts of rows in one order do not wait for each other in a ring', async () => {
    const { both } = await start([Account], {
      options: { extra: { max: 8 } },
      sql: ['INSERT INTO account SELECT g, 0 FROM generate_series(1, 40) g'],
    })
    const run = async ({ manager }: DataSource) => {
      const errors = new Set<string>()
      const writer = async (_: unknown, seed: number) => {
        for (let turn = 0; turn < 25; turn += 1) {
          const ids = Array.from({ length: 40 }, (_, id) => id + 1).filter((id) => (id * (seed + turn + 3)) % 7 < 4)
          const values = ids.map((id) => ({ id, n: seed * 100 + turn }))
          await manager.upsert(Account, values, ['id']).catch(({ message }: Error) => errors.add(message))
        }
      }
      await Promise.all(Array.from({ length: 8 }, writer))
      return [...errors]
    }
    expect(await both(run)).toEqual({ plain: [], audited: [] })
  })

  it('an update does not come between the statements of an upsert in its transaction', async () => {
    const pair = await start([Account], { sql: [`INSERT INTO account VALUES (1, 0, 'one')`] })
    await pair.audited.transaction(async (manager) => {
      await manager.update(Account, { id: 1 }, { n: 1 })
      await Promise.all([
        manager.update(Account, { id: 1 }, { name: 'x' }),
        manager.upsert(Account, { id: 1, n: 5 }, ['id']),
        manager.update(Account, { id: 1 }, { name: 'y' }),
      ])
    })
    const changes = pair.trail.take().map((event) => event.changes)
    expect(changes).toHaveLength(4)
    expect(changes.filter((one) => one?.n !== undefined)).toEqual([
      { n: { from: 0, to: 1 } },
      { n: { from: 1, to: 5 } },
    ])
    expect(changes.filter((one) => one?.name !== undefined)).toEqual([
      { name: { from: 'one', to: 'x' } },
      { name: { from: 'x', to: 'y' } },
    ])
  })

  it('one builder that is executed twice has two events', async () => {
    const pair = await start([Account], { sql: [`INSERT INTO account VALUES (1, 1, 'one')`] })
    const add = pair.audited
      .createQueryBuilder()
      .update(Account)
      .set({ n: () => 'n + 1' })
      .where({ id: 1 })
    await Promise.all([add.execute(), add.execute()])
    expect(told(pair)).toEqual([
      ['OBJ_UPDATE', '1', { n: { from: 1, to: 2 } }],
      ['OBJ_UPDATE', '1', { n: { from: 2, to: 3 } }],
    ])
  })
})

class Opaque {
  readonly #text: string
  constructor(text: string) {
    this.#text = text
  }
  toJSON(): string {
    return this.#text
  }
}
@Entity()
class Odd {
  @PrimaryColumn('int') id!: number
  @Column('interval', { nullable: true }) span!: unknown
  @Column('jsonb', { nullable: true }) doc!: unknown
}
@Entity()
@AuditUpdateDelete({ label: 'id' })
class Reversed {
  @PrimaryColumn('int') id!: number
  @Column('jsonb', { transformer: { to: (value) => value, from: (value: unknown[]) => value.reverse() } })
  list!: unknown[]
}
@Entity()
class Impatient {
  @PrimaryColumn('int') id!: number
  @Column('int', { transformer: { to: (value) => value, from: impatient } }) n!: number
}

function impatient(value: unknown): unknown {
  if (value === 2) finishSpareTime()
  return value
}

describe('a change is told of', () => {
  it('though what a type parser makes of both values cannot be told apart', async () => {
    const getTypeParser = (oid: number, format: 'text') =>
      oid === pg.types.builtins.INTERVAL ? (text: string) => new Opaque(text) : pg.types.getTypeParser(oid, format)
    const pair = await start([Odd], { options: { extra: { types: { getTypeParser } } } })
    await pair.audited.manager.insert(Odd, { id: 1, span: '1 day' })
    await pair.audited.manager.update(Odd, { id: 1 }, { span: '2 days' })
    const spans = pair.trail.take().map(({ changes }) => changes?.span)
    expect(spans).toEqual([{ to: '1 day' }, { from: '1 day', to: '2 days' }])
  })

  it('though JavaScript reads both values alike', async () => {
    const { audited, trail } = await start([Odd], { sql: ['INSERT INTO odd VALUES (1)'] })
    const values = [`'{"n":12345678901234567890}'`, `'{"n":12345678901234567891}'`, 'NULL', `'null'`, `'null'`]
    for (const value of values) {
      const doc = { doc: () => value } as object
      await audited.createQueryBuilder().update(Odd).set(doc).where({ id: 1 }).execute()
    }
    expect(trail.take().map(({ changes }) => Object.keys(changes ?? {}))).toEqual([['doc'], ['doc'], ['doc'], ['doc']])
  })

  it('with the value that a transformer has made once, though it works in place', async () => {
    const pair = await start([Reversed])
    await pair.audited.manager.insert(Reversed, { id: 1, list: [1, 2, 3] })
    await pair.audited.manager.update(Reversed, { id: 1 }, { list: [4, 5, 6] })
    const lists = pair.trail.take().map(({ changes }) => changes?.list)
    expect(lists).toEqual([{ to: [3, 2, 1] }, { from: [3, 2, 1], to: [6, 5, 4] }])
  })

  it('though the code that is asked for a value asks for all events to be written', async () => {
    const pair = await start([Impatient])
    const ids = [1, 2, 3, 4, 5, 6]
    const values = ids.map((id) => ({ id, n: id }))
    await pair.audited.manager.insert(Impatient, values)
    // Nothing else asks: they are written when the process has time.
    while (pair.trail.queue.pushes.length === 0) await delay(5)
    expect(pair.trail.take().map(({ instance }) => instance?.pk)).toEqual(ids.map(String))
  })
})

it('a statement that the client gives up, and the server commits, is reported', async () => {
  const options = { extra: { query_timeout: 200 } }
  const { audited, trail } = await start([Account], { options, sql: [`INSERT INTO account VALUES (1, 1, 'one')`] })
  const slow = { n: () => 'n + (SELECT 1 FROM pg_sleep(0.6))' }
  const update = audited.createQueryBuilder().update(Account).set(slow).where({ id: 1 }).execute()
  await expect(update).rejects.toThrow('timeout')
  expect(trail.warnings.map(({ code }) => code)).toEqual(['AUDIT_COMMIT_UNKNOWN'])
  expect(trail.take()).toEqual([])
})
