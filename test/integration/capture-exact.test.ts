import 'reflect-metadata'
import {
  Column,
  DataSource,
  type DataSourceOptions,
  Entity,
  type EntityManager,
  PrimaryColumn,
  PrimaryGeneratedColumn,
} from 'typeorm'
import { afterEach, describe, expect, it } from 'vitest'
import { AuditError } from '../../config/errors'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import type { DatabaseKind } from '../support/database-server'
import { createDatabase } from '../support/shared'
import { sqljs, Trail } from '../unit/capture/support'

@Entity({ name: 'exact_order' })
@AuditUpdateDelete({ mask: { code: 'allow' } })
class Order {
  @PrimaryGeneratedColumn()
  id!: number

  @Column()
  text!: string

  @Column({ type: 'int', default: 0 })
  count!: number

  @Column({ type: 'varchar', nullable: true })
  note!: string | null

  @Column({ type: 'varchar', nullable: true, select: false })
  code!: string | null

  @Column({ type: 'varchar', nullable: true, select: false })
  hidden!: string | null
}

@Entity({ name: 'exact_item' })
@AuditUpdateDelete
class Item {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ unique: true })
  text!: string

  @Column({ type: 'int', default: 0 })
  count!: number
}

@Entity({ name: 'exact_part', synchronize: false })
@AuditUpdateDelete
class Part {
  @PrimaryColumn({ type: 'int' })
  id!: number

  @Column()
  text!: string
}

@Entity({ name: 'exact_aside' })
class Aside {
  @PrimaryGeneratedColumn()
  id!: number

  @Column()
  text!: string
}

const open: DataSource[] = []

async function target(kind: DatabaseKind | 'sqljs', settings: object = {}) {
  const entities = [Order, Item, Part, Aside]
  const dataSource =
    kind === 'sqljs'
      ? await sqljs(entities)
      : await new DataSource({
          ...(await createDatabase(kind)),
          entities,
          synchronize: true,
        } as DataSourceOptions).initialize()
  open.push(dataSource)
  const trail = new Trail(settings)
  trail.attach(dataSource)
  const statements: string[] = []
  dataSource.subscribers.push({ beforeQuery: ({ query }: { query: string }) => void statements.push(query) } as never)
  return { dataSource, manager: dataSource.manager, trail, statements }
}

afterEach(async () => {
  for (const dataSource of open.splice(0)) await dataSource.destroy()
})

describe('the statements that capture adds', () => {
  const MOST = { postgres: 0, mariadb: 1, sqljs: 1 }

  it.each(['postgres', 'mariadb', 'sqljs'] as const)(
    '%s: none to save() and remove(), one at most to criteria writes',
    async (kind) => {
      const { manager, statements } = await target(kind)
      const count = async (run: () => Promise<unknown>) => {
        statements.length = 0
        await run()
        return statements.length
      }
      // The very first writes, when nothing is known of the table yet.
      const item = manager.create(Item, { text: 'a' })
      // START TRANSACTION, INSERT, COMMIT; where the INSERT returns no defaults, TypeORM reads them.
      const plain = kind === 'postgres' ? 3 : 4
      expect(await count(() => manager.save(item))).toBeLessThanOrEqual(plain)
      item.text = 'b'
      expect(await count(() => manager.save(item))).toBe(4)
      expect(await count(() => manager.save(item))).toBe(1)
      // PostgreSQL is asked what the table is, once.
      expect(await count(() => manager.update(Item, item.id, { text: 'c' }))).toBe(2)
      expect(await count(() => manager.increment(Item, { text: 'c' }, 'count', 1))).toBe(1 + MOST[kind])
      expect(await count(() => manager.update(Item, { text: 'none' }, { count: 3 }))).toBe(1 + MOST[kind])
      expect(await count(() => manager.insert(Item, [{ text: 'x' }, { text: 'y' }]))).toBeLessThanOrEqual(
        kind === 'sqljs' ? 3 : 1,
      )
      expect(await count(() => manager.delete(Item, { text: 'x' }))).toBe(1)
      expect(await count(() => manager.remove(item))).toBe(4)
      expect(await count(() => manager.update(Aside, 1, { text: 'c' }))).toBe(1)
    },
  )
})

describe('PostgreSQL', () => {
  it('tells what a trigger has changed besides, of any type', async () => {
    const { dataSource, manager, trail } = await target('postgres')
    await dataSource.query(`ALTER TABLE exact_order ADD COLUMN aside json`)
    await dataSource.query(
      `CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := 'a "b", (c) \\ ' || NEW.text; NEW.count := NEW.count + 1; RETURN NEW; END $$`,
    )
    await dataSource.query(`CREATE TRIGGER stamp BEFORE UPDATE ON exact_order FOR EACH ROW EXECUTE FUNCTION stamp()`)
    await manager.insert(Order, [{ text: 'a' }, { text: 'b' }])
    trail.take()
    const expected = (from: object, to: string, count: number) => ({
      note: { ...from, to: `a "b", (c) \\ ${to}` },
      count: { from: count, to: count + 1 },
      text: expect.anything(),
    })
    await manager.update(Order, { text: 'a' }, { text: 'c' })
    expect(trail.one().changes).toEqual(expected({ from: null }, 'c', 0))
    await manager.transaction((inner) => inner.update(Order, { text: 'c' }, { text: 'd' }))
    expect(trail.one().changes).toEqual(expected({ from: 'a "b", (c) \\ c' }, 'd', 1))
    await manager.save(Order, { id: 2, text: 'e' })
    expect(trail.one().changes).toEqual(expected({ from: null }, 'e', 0))
  })

  it('tells inserted from updated rows of a partitioned table, as far as that can be known', async () => {
    const { dataSource, manager, trail } = await target('postgres')
    await dataSource.query(
      `CREATE TABLE exact_part (id int PRIMARY KEY, text varchar NOT NULL) PARTITION BY RANGE (id)`,
    )
    // From version 18 on the statement itself says.
    const coverage = Number.parseInt(dataSource.driver.version ?? '', 10) >= 18 ? undefined : 'partial'
    await dataSource.query(`CREATE TABLE exact_part_1 PARTITION OF exact_part FOR VALUES FROM (0) TO (100)`)
    await manager.upsert(Part, { id: 1, text: 'a' }, ['id'])
    const first = trail.one()
    expect(first).toMatchObject({ action: 'OBJ_CREATE', instance: { pk: '1' }, changes: { text: { to: 'a' } } })
    expect(first.coverage).toBe(coverage)
    await manager.upsert(
      Part,
      [
        { id: 1, text: 'b' },
        { id: 2, text: 'c' },
      ],
      ['id'],
    )
    const [update, create] = trail.take()
    expect(update).toMatchObject({ action: 'OBJ_UPDATE', changes: { text: { from: 'a', to: 'b' } } })
    expect(update?.coverage).toBeUndefined()
    expect([create?.action, create?.coverage]).toEqual(['OBJ_CREATE', coverage])
    await manager.update(Part, 1, { text: 'z' })
    await manager.delete(Part, 2)
    expect(trail.take().map(({ action, coverage }) => [action, coverage])).toEqual([
      ['OBJ_UPDATE', undefined],
      ['OBJ_DELETE', undefined],
    ])
  })

  it('says from what the row really held, whatever another writer did after it was loaded', async () => {
    const { manager, trail } = await target('postgres')
    const order = await manager.save(manager.create(Order, { text: 'a' }))
    const stale = await manager.findOneByOrFail(Order, { id: order.id })
    trail.take()
    await manager.transaction(async (inner) => {
      const { queryRunner } = inner
      // Between what save() loads and what it writes.
      const query = queryRunner?.query.bind(queryRunner)
      Object.assign(queryRunner ?? {}, {
        async query(sql: string, ...rest: [unknown[]?, boolean?]) {
          if (sql.includes('UPDATE')) await query?.(`UPDATE exact_order SET text = 'meanwhile' WHERE id = ${order.id}`)
          return (query as unknown as (...values: unknown[]) => unknown)(sql, ...rest)
        },
      })
      stale.text = 'b'
      await inner.save(stale)
      Reflect.deleteProperty(queryRunner ?? {}, 'query')
    })
    expect(trail.one().changes).toEqual({ text: { from: 'meanwhile', to: 'b' } })
  })
})

describe.each(['mariadb', 'postgres'] as const)('%s', (kind) => {
  it('tells which of parallel upserts inserted the row', async () => {
    const { manager, trail } = await target(kind)
    const upserts = Array.from({ length: 10 }, (_, index) =>
      manager.upsert(Item, { text: 'one', count: index % 2 }, ['text']),
    )
    await Promise.all(upserts)
    const events = trail.take()
    expect(events.filter(({ action }) => action === 'OBJ_CREATE')).toHaveLength(1)
    expect(events.every(({ changes, coverage }) => coverage === 'partial' || changes !== undefined)).toBe(true)
  })

  it('gives what TypeORM gives without it', async () => {
    const audited = await target(kind)
    const plain = await target(kind)
    plain.trail.attach(plain.dataSource)()
    const results = async ({ manager }: DataSource) => [
      await manager.insert(Order, [{ text: 'a' }, { text: 'b' }]),
      await manager.update(Order, { text: 'a' }, { text: 'c' }),
      await manager.update(Order, { text: 'c' }, { text: 'c' }),
      await manager.update(Order, { text: 'none' }, { text: 'c' }),
      await manager.increment(Order, {}, 'count', 2).catch((error: Error) => error.name),
      await manager.createQueryBuilder().delete().from(Order).where('text = :text', { text: 'b' }).execute(),
      { ...(await manager.save(manager.create(Order, { text: 'f', code: '1' }))) },
    ]
    const shape = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown
    expect(shape(await results(audited.dataSource))).toEqual(shape(await results(plain.dataSource)))
  })
})

describe.each(['postgres', 'mariadb', 'sqljs'] as const)('%s: a column that is not selected', (kind) => {
  it('is masked, unless the decoration lets it be seen', async () => {
    const { manager, trail } = await target(kind)
    await manager.insert(Order, { text: 'a', code: 'c1', hidden: 'h1' })
    await manager.update(Order, { text: 'a' }, { code: 'c2', hidden: 'h2' })
    const [created, updated] = trail.take()
    expect(created?.changes).toMatchObject({ code: { to: 'c1' }, hidden: { to: '***' } })
    expect(updated?.changes).toEqual({ code: { from: 'c1', to: 'c2' }, hidden: { from: '***', to: '***' } })
  })
})

describe.each(['postgres', 'mariadb', 'sqljs'] as const)('%s, strict', (kind) => {
  const refused = { code: 'AUDIT_STRICT' }

  it.each(['save', 'update', 'insert', 'upsert', 'delete'] as const)(
    'refuses %s() before COMMIT when its event cannot be built, alone and in a transaction',
    async (verb) => {
      const { manager, trail } = await target(kind, { strict: true })
      await manager.insert(Item, { text: 'a' })
      trail.take()
      const write = (on: EntityManager): Promise<unknown> => {
        switch (verb) {
          case 'save':
            return on.save(Item, { id: 1, text: 'b' })
          case 'update':
            return on.update(Item, { text: 'a' }, { text: 'b' })
          case 'insert':
            return on.insert(Item, { text: 'b' })
          case 'upsert':
            return on.upsert(Item, { text: 'a', count: 7 }, ['text'])
          default:
            return on.delete(Item, { text: 'a' })
        }
      }
      const { capture } = trail.recorder
      trail.recorder.capture = () => {
        throw new Error('out of order')
      }
      await expect(write(manager)).rejects.toMatchObject(refused)
      await expect(manager.transaction(write)).rejects.toMatchObject(refused)
      trail.recorder.capture = capture
      expect(await manager.find(Item)).toEqual([{ id: 1, text: 'a', count: 0 }])
      expect(trail.take()).toEqual([])
      await write(manager)
      expect(trail.take()).toHaveLength(1)
    },
  )

  it('asks for room for all events of the transaction', async () => {
    const { manager, trail } = await target(kind, { strict: true })
    const asked: (number | undefined)[] = []
    Object.assign(trail.recorder, {
      refusal: (events?: number) => {
        asked.push(events)
        return events !== undefined && events > 2 ? new AuditError('AUDIT_CLOSED', {}) : undefined
      },
    })
    await manager.insert(Item, [{ text: 'a' }, { text: 'b' }])
    await expect(manager.insert(Item, [{ text: 'c' }, { text: 'd' }, { text: 'e' }])).rejects.toMatchObject(refused)
    expect(await manager.count(Item)).toBe(2)
    expect(asked).toContain(3)
    expect(trail.take()).toHaveLength(2)
  })
})
