import 'reflect-metadata'
import {
  Column,
  type DataSource,
  DeleteDateColumn,
  Entity,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
} from 'typeorm'
import { beforeEach, describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { audited, newValue, type Trail } from '../unit/capture/support'

@Entity()
@AuditUpdateDelete
class Shelf {
  @PrimaryGeneratedColumn()
  id!: number

  @OneToMany(
    () => Book,
    (book) => book.shelf,
  )
  books!: Book[]
}

@Entity()
@AuditUpdateDelete
class Book {
  @PrimaryGeneratedColumn()
  id!: number

  @Column()
  title!: string

  @Column({ default: 0 })
  loans!: number

  @Column({ type: 'varchar', nullable: true })
  note!: string | null

  @ManyToOne(
    () => Shelf,
    (shelf) => shelf.books,
    { nullable: true, orphanedRowAction: 'delete' },
  )
  shelf!: Shelf | null

  @DeleteDateColumn()
  deletedAt!: Date | null
}

@Entity()
@AuditUpdateDelete
class Setting {
  @PrimaryColumn()
  key!: string

  @Column({ unique: true })
  value!: string

  @Column({ type: 'varchar', nullable: true })
  note!: string | null
}

let dataSource: DataSource
let trail: Trail

beforeEach(async () => {
  ;({ dataSource, trail } = await audited([Shelf, Book, Setting], {}, false))
  await dataSource.manager.save(Book, [{ title: 'A' }, { title: 'B' }, { title: 'C' }])
  trail.take()
  return () => dataSource.destroy()
})

const books = () => dataSource.getRepository(Book)
const outcome = () => {
  const { action, instance, changes, coverage, coverage_reason: reason } = trail.one()
  expect(coverage).toBe('partial')
  return { action, model: instance?.model, pk: instance?.pk, changes, reason }
}

describe('an update by criteria', () => {
  it('is one honest event: what was set, how many rows, no key, no old value', async () => {
    await books().update({ title: 'A' }, { note: 'x' })
    expect(outcome()).toEqual({
      action: 'OBJ_UPDATE',
      model: 'Book',
      pk: undefined,
      changes: { note: { to: 'x' } },
      reason: '1 row was updated by criteria: keys and old values are not known',
    })
    await dataSource.createQueryBuilder().update(Book).set({ note: null, shelf: null }).execute()
    expect(outcome()).toMatchObject({
      changes: { note: { to: null }, shelf: { to: null } },
      reason: '3 rows were updated by criteria: keys and old values are not known',
    })
  })

  it('by id invents no key either', async () => {
    await books().update(2, { note: 'x' })
    expect(outcome().pk).toBeUndefined()
  })

  it('says that a value is an SQL expression instead of showing it', async () => {
    await books().increment({ id: 1 }, 'loans', 2)
    expect(outcome()).toMatchObject({
      changes: undefined,
      reason: '1 row was updated by criteria: keys and old values are not known; loans: the value is an SQL expression',
    })
  })

  it('through a relation shows the key that was set', async () => {
    await dataSource.manager.save(Shelf, {})
    trail.take()
    await dataSource.createQueryBuilder().relation(Book, 'shelf').of(1).set(1)
    expect(outcome()).toMatchObject({ action: 'OBJ_UPDATE', model: 'Book', changes: { shelf: { to: '1' } } })
    await dataSource.createQueryBuilder().relation(Shelf, 'books').of(1).add([2, 3])
    expect(outcome()).toMatchObject({ changes: { shelf: { to: '1' } }, reason: expect.stringContaining('2 rows were') })
  })
})

describe('a deletion by criteria', () => {
  it('is one honest event', async () => {
    await books().delete([1, 2])
    expect(outcome()).toEqual({
      action: 'OBJ_DELETE',
      model: 'Book',
      pk: undefined,
      changes: undefined,
      reason: '2 rows were deleted by criteria: keys and old values are not known',
    })
  })

  it('is marked when it is soft, and so is its reversal', async () => {
    await books().softDelete({ title: 'A' })
    expect(trail.one()).toMatchObject({
      action: 'OBJ_DELETE',
      content: { soft: true },
      coverage_reason: '1 row was soft-deleted by criteria: keys and old values are not known',
    })
    await books().restore({ title: 'A' })
    expect(trail.one()).toMatchObject({
      action: 'OBJ_UPDATE',
      content: { recovered: true },
      coverage_reason: '1 row was restored by criteria: keys and old values are not known',
    })
  })

  it('tells of an orphan by its key', async () => {
    await dataSource.manager.save(Shelf, {})
    await books().update([1, 2], { shelf: { id: 1 } })
    trail.take()
    await dataSource.manager.save(Object.assign(new Shelf(), { id: 1, books: [{ id: 1 }] }))
    expect(outcome()).toEqual({
      action: 'OBJ_DELETE',
      model: 'Book',
      pk: '2',
      changes: undefined,
      reason: 'an orphan, removed by saving its parent: its values were not loaded',
    })
  })
})

describe('a statement that matches no row', () => {
  it('yields nothing', async () => {
    await books().update({ title: 'none' }, { note: 'x' })
    await books().delete({ title: 'none' })
    await books().softDelete({ title: 'none' })
    await books().restore({ title: 'none' })
    await books().increment({ title: 'none' }, 'loans', 1)
    await dataSource.createQueryBuilder().relation(Book, 'shelf').of(99).set(null)
    expect(trail.take()).toEqual([])
  })

  it('is known for one that the application has commented', async () => {
    const query = dataSource.createQueryBuilder().comment('from the nightly job').update(Book).set({ note: 'x' })
    await query.where({ title: 'none' }).execute()
    expect(trail.take()).toEqual([])
    await query.where({ title: 'A' }).execute()
    expect(outcome().reason).toMatch(/^1 row was updated/)
  })

  it('does not hide one that runs at the same time', async () => {
    const some = Array.from({ length: 10 }, (_, index) =>
      books().update({ title: index % 2 ? 'A' : 'none' }, { note: String(index) }),
    )
    await Promise.all(some)
    const notes = trail.take().map((event) => newValue(event, 'note'))
    for (const note of ['1', '3', '5', '7', '9']) expect(notes).toContain(note)
  })

  it('does not hide one after a statement that it cannot read', async () => {
    await books().update({ title: 'none' }, { note: 'x' })
    await dataSource.query(`WITH one AS (SELECT 1) UPDATE "book" SET "note" = 'raw'`)
    await books().update({ title: 'A' }, { note: 'y' })
    expect(outcome().changes).toEqual({ note: { to: 'y' } })
  })
})

describe('insert()', () => {
  it('of one row is a complete event', async () => {
    await books().insert({ title: 'D' })
    expect(trail.one()).toMatchObject({
      action: 'OBJ_CREATE',
      instance: { model: 'Book', pk: '4' },
      changes: { id: { to: 4 }, title: { to: 'D' }, loans: { to: 0 }, note: { to: null }, shelf: { to: null } },
    })
  })

  it('of several rows does not use the keys that sql.js mixes up', async () => {
    await books().insert([{ title: 'D' }, { title: 'E' }])
    const events = trail.take()
    expect(events.map(({ changes }) => changes?.title)).toEqual([{ to: 'D' }, { to: 'E' }])
    for (const { instance, changes, coverage } of events) {
      expect(instance?.pk).toBeUndefined()
      expect(changes).not.toHaveProperty('id')
      expect(coverage).toBe('partial')
    }
  })

  it('of rows with keys of their own uses these', async () => {
    await dataSource.manager.insert(Setting, [
      { key: 'a', value: '1' },
      { key: 'b', value: '2' },
    ])
    const events = trail.take()
    expect(events.map(({ instance }) => instance?.pk)).toEqual(['a', 'b'])
    expect(events.map(({ coverage }) => coverage)).toEqual([undefined, undefined])
  })

  it('of an SQL expression says so', async () => {
    await dataSource.manager.insert(Setting, { key: 'a', value: () => "'x'" })
    expect(outcome()).toMatchObject({
      pk: 'a',
      changes: { key: { to: 'a' } },
      reason: 'value: the value is an SQL expression',
    })
  })
})

describe('inserts that may not insert', () => {
  const ignore = (...values: Partial<Setting>[]) =>
    dataSource.createQueryBuilder().insert().into(Setting).values(values).orIgnore().execute()

  it('orIgnore(): one row that was inserted is known', async () => {
    await ignore({ key: 'a', value: '1' })
    const event = trail.one()
    expect(event).toMatchObject({ action: 'OBJ_CREATE', instance: { pk: 'a' } })
    expect(event.coverage).toBeUndefined()
  })

  it('orIgnore(): nothing inserted, no event', async () => {
    await ignore({ key: 'a', value: '1' })
    trail.take()
    await ignore({ key: 'a', value: '2' })
    await ignore({ key: 'a', value: '2' }, { key: 'a', value: '3' })
    expect(trail.take()).toEqual([])
  })

  it('orIgnore(): of several rows, one event says how many', async () => {
    await ignore({ key: 'a', value: '1' })
    trail.take()
    await ignore({ key: 'a', value: '2' }, { key: 'b', value: '3' }, { key: 'c', value: '4' })
    expect(outcome()).toEqual({
      action: 'OBJ_CREATE',
      model: 'Setting',
      pk: undefined,
      changes: undefined,
      reason: '2 rows were inserted where none existed: which ones is not known',
    })
  })

  it('upsert(): shows what it wrote, and claims neither a creation of the rest nor an update', async () => {
    await dataSource.manager.insert(Setting, { key: 'a', value: '1', note: 'kept' })
    trail.take()
    await dataSource.manager.upsert(Setting, { key: 'a', value: '2' }, ['key'])
    expect(outcome()).toEqual({
      action: 'OBJ_CREATE',
      model: 'Setting',
      pk: 'a',
      changes: { key: { to: 'a' }, value: { to: '2' } },
      reason: 'an upsert: whether the row was created, updated or left as it was is not known',
    })
  })

  it('upsert(): does not take a generated key from TypeORM, which may be that of another row', async () => {
    await dataSource.manager.upsert(
      Book,
      [
        { id: 1, title: 'A2' },
        { id: 50, title: 'new' },
      ],
      ['id'],
    )
    const events = trail.take()
    expect(events.map(({ changes }) => changes)).toEqual([{ title: { to: 'A2' } }, { title: { to: 'new' } }])
    for (const { instance, coverage } of events) {
      expect(instance?.pk).toBeUndefined()
      expect(coverage).toBe('partial')
    }
  })

  it('orUpdate(): leaves out what an existing row keeps', async () => {
    const query = dataSource.createQueryBuilder().insert().into(Setting).values({ key: 'a', value: '2', note: 'given' })
    await query.orUpdate(['value'], ['key']).execute()
    expect(outcome()).toMatchObject({ pk: undefined, changes: { value: { to: '2' } } })
  })
})

describe('writes that TypeORM tells nobody of', () => {
  it('yield nothing: listeners switched off, clear(), raw SQL', async () => {
    const book = await books().findOneByOrFail({ id: 1 })
    book.title = 'changed'
    await books().save(book, { listeners: false })
    await dataSource.query(`UPDATE "book" SET "note" = 'raw'`)
    await books().clear()
    expect(trail.take()).toEqual([])
  })
})
