import 'reflect-metadata'
import { Column, DataSource, Entity, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { DRIVERS, emptyDatabase } from '../support/matrix/targets'
import { Trail } from '../unit/capture/support'

/** Partitioned by region: the conflict of an upsert, and the row an update moves, may lie in another partition. */
@Entity({ synchronize: false })
@AuditUpdateDelete
class Sale {
  @PrimaryColumn('varchar')
  region!: string

  @PrimaryColumn('int')
  number!: number

  @Column({ type: 'int' })
  amount!: number
}

/** `doubled` is computed by the database, `changed` is set by a trigger of the application. */
@Entity({ synchronize: false })
@AuditUpdateDelete
class Sheet {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'varchar', length: 40 })
  name!: string

  @Column({ type: 'int' })
  amount!: number

  @Column({ type: 'int', insert: false, update: false, nullable: true })
  doubled!: number | null

  @Column({ type: 'varchar', length: 40, nullable: true })
  stamp!: string | null
}

type Row = [action: string, pk: string | undefined, changes: unknown]
const told = (trail: Trail): Row[] =>
  trail.take().map(({ action, instance, changes }) => [action, instance?.pk, changes])

describe('PostgreSQL, a partitioned table', () => {
  const trail = new Trail()
  let dataSource: DataSource

  beforeAll(async () => {
    dataSource = await new DataSource({ ...(await emptyDatabase('postgres')), entities: [Sale] } as never).initialize()
    await dataSource.query(
      `CREATE TABLE sale (region varchar, number int, amount int NOT NULL, PRIMARY KEY (region, number)) PARTITION BY LIST (region)`,
    )
    for (const region of ['CH', 'DE']) {
      await dataSource.query(`CREATE TABLE sale_${region} PARTITION OF sale FOR VALUES IN ('${region}')`)
    }
    trail.attach(dataSource)
  })
  afterAll(() => dataSource?.destroy())
  beforeEach(async () => {
    await dataSource.query('DELETE FROM sale')
    await dataSource.query(`INSERT INTO sale VALUES ('CH', 1, 10), ('DE', 1, 20)`)
    trail.take()
  })

  const key = (region: string, number: number) => `{"number":"${number}","region":"${region}"}`

  it('tells inserts and updates of an upsert apart', async () => {
    await dataSource.manager.upsert(
      Sale,
      [
        { region: 'CH', number: 1, amount: 11 },
        { region: 'DE', number: 1, amount: 20 },
        { region: 'DE', number: 2, amount: 5 },
      ],
      ['region', 'number'],
    )
    expect(told(trail)).toEqual([
      ['OBJ_UPDATE', key('CH', 1), { amount: { from: 10, to: 11 } }],
      ['OBJ_CREATE', key('DE', 2), { region: { to: 'DE' }, number: { to: 2 }, amount: { to: 5 } }],
    ])
  })

  it('tells updates, also of a row that moves to another partition, and deletes', async () => {
    const { manager } = dataSource
    await manager.update(Sale, { number: 1 }, { amount: () => 'amount + 1' })
    expect(told(trail).sort()).toEqual([
      ['OBJ_UPDATE', key('CH', 1), { amount: { from: 10, to: 11 } }],
      ['OBJ_UPDATE', key('DE', 1), { amount: { from: 20, to: 21 } }],
    ])
    await manager.update(Sale, { region: 'CH', number: 1 }, { region: 'DE', number: 7 })
    expect(told(trail)).toEqual([
      ['OBJ_UPDATE', key('CH', 1), { region: { from: 'CH', to: 'DE' }, number: { from: 1, to: 7 } }],
    ])
    await manager.save(Sale, { region: 'DE', number: 7, amount: 12 })
    await manager.delete(Sale, { region: 'DE', number: 7 })
    expect(told(trail)).toEqual([
      ['OBJ_UPDATE', key('DE', 7), { amount: { from: 11, to: 12 } }],
      ['OBJ_DELETE', key('DE', 7), { region: { from: 'DE' }, number: { from: 7 }, amount: { from: 12 } }],
    ])
  })
})

const tables: Record<string, string[]> = {
  postgres: [
    `CREATE TABLE sheet (id serial PRIMARY KEY, name varchar(40) NOT NULL UNIQUE, amount int NOT NULL,
       doubled int GENERATED ALWAYS AS (amount * 2) STORED, stamp varchar(40))`,
    `CREATE FUNCTION stamped() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN NEW.stamp = concat(NEW.name, ' ', NEW.amount); NEW.name = upper(NEW.name); RETURN NEW; END $$`,
    'CREATE TRIGGER stamped BEFORE INSERT OR UPDATE ON sheet FOR EACH ROW EXECUTE FUNCTION stamped()',
  ],
  mariadb: [
    `CREATE TABLE sheet (id int AUTO_INCREMENT PRIMARY KEY, name varchar(40) NOT NULL UNIQUE, amount int NOT NULL,
       doubled int AS (amount * 2) STORED, stamp varchar(40))`,
    `CREATE TRIGGER stamped_i BEFORE INSERT ON sheet FOR EACH ROW
       SET NEW.stamp = concat(NEW.name, ' ', NEW.amount), NEW.name = upper(NEW.name)`,
    `CREATE TRIGGER stamped_u BEFORE UPDATE ON sheet FOR EACH ROW
       SET NEW.stamp = concat(NEW.name, ' ', NEW.amount), NEW.name = upper(NEW.name)`,
  ],
  // SQLite's triggers change no row that is being written; what it computes is the generated column.
  sqlite: [
    `CREATE TABLE sheet (id INTEGER PRIMARY KEY AUTOINCREMENT, name varchar(40) NOT NULL UNIQUE, amount int NOT NULL,
       doubled int GENERATED ALWAYS AS (amount * 2) STORED, stamp varchar(40))`,
  ],
}

// Type `mysql` has no RETURNING, and tells of inserts what TypeORM knows.
describe.each(DRIVERS.filter((driver) => driver !== 'mysql'))(
  '%s: what the database itself makes of a row',
  (driver) => {
    const trail = new Trail()
    const sqlite = driver === 'sqljs' || driver === 'better-sqlite3'
    let dataSource: DataSource

    beforeAll(async () => {
      dataSource = await new DataSource({ ...(await emptyDatabase(driver)), entities: [Sheet] } as never).initialize()
      const statements = tables[sqlite ? 'sqlite' : driver] ?? []
      for (const statement of statements) await dataSource.query(statement)
      trail.attach(dataSource)
    })
    afterAll(() => dataSource?.destroy())
    beforeEach(async () => {
      await dataSource.query('DELETE FROM sheet')
      await dataSource.query(`INSERT INTO sheet (id, name, amount) VALUES (901, 'a', 1), (902, 'b', 2)`)
      trail.take()
    })

    /** What the table has, and the key of each row of it. */
    const stored = async (id: string | undefined) => {
      const [row] = await dataSource.query(`SELECT * FROM sheet WHERE id = ${Number(id)}`)
      return row as Record<string, unknown>
    }
    const created = async () => {
      const event = trail.one()
      const row = await stored(event.instance?.pk)
      expect(event.action).toBe('OBJ_CREATE')
      expect(event.changes).toEqual(Object.fromEntries(Object.entries(row).map(([name, to]) => [name, { to }])))
      expect(row.doubled).toBe(Number(row.amount) * 2)
      if (!sqlite) expect(row.stamp).toBeTruthy()
    }
    const changed = async (was: Record<string, unknown>) => {
      const event = trail.one()
      const row = await stored(event.instance?.pk)
      const differing = Object.entries(row).filter(([name, to]) => was[name] !== to)
      expect(event.action).toBe('OBJ_UPDATE')
      expect(event.changes).toEqual(Object.fromEntries(differing.map(([name, to]) => [name, { from: was[name], to }])))
      expect(Object.keys(event.changes ?? {})).toContain('doubled')
      if (!sqlite) expect(Object.keys(event.changes ?? {})).toContain('stamp')
    }

    it('is in the event of an insert', async () => {
      await dataSource.manager.insert(Sheet, { name: 'c', amount: 3 })
      await created()
    })

    it('is in the event of save() of a new row', async () => {
      await dataSource.manager.save(Sheet, { name: 'c', amount: 3 })
      await created()
    })

    it('is in the event of an update', async () => {
      const was = await stored('901')
      await dataSource.manager.update(Sheet, 901, { amount: 5 })
      await changed(was)
    })

    it('is in the event of a delete', async () => {
      const was = await stored('902')
      await dataSource.manager.delete(Sheet, 902)
      expect(trail.one().changes).toEqual(
        Object.fromEntries(Object.entries(was).map(([name, from]) => [name, { from }])),
      )
    })

    // Elsewhere save() tells what TypeORM has loaded and set: docs/capture.md says so.
    const saves = driver === 'postgres' ? ['save() of a change'] : []
    for (const name of saves) {
      it(`is in the event of ${name}`, async () => {
        const was = await stored('901')
        await dataSource.manager.save(Sheet, { id: 901, amount: 7 })
        await changed(was)
      })
    }
  },
)
