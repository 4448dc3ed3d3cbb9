import 'reflect-metadata'
import {
  Column,
  CreateDateColumn,
  type DataSource,
  DeleteDateColumn,
  Entity,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  UpdateDateColumn,
  VersionColumn,
} from 'typeorm'
import { beforeEach, describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { audited, type Trail } from '../unit/capture/support'

class Address {
  @Column({ type: 'varchar', nullable: true })
  street!: string | null

  @Column({ type: 'varchar', default: 'Zürich' })
  city!: string
}

@Entity()
@AuditUpdateDelete({ label: 'name' })
class Customer {
  @PrimaryGeneratedColumn()
  id!: number

  @Column()
  name!: string

  @Column(() => Address)
  address = new Address()

  @OneToMany(
    () => Invoice,
    (invoice) => invoice.customer,
    { cascade: true },
  )
  invoices!: Invoice[]
}

@Entity()
@AuditUpdateDelete
class Invoice {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'decimal', precision: 10, scale: 2 })
  total!: string | number

  @Column({ type: 'varchar', nullable: true })
  note!: string | null

  @Column({ type: 'datetime', nullable: true })
  due!: Date | null

  @Column({ type: 'simple-json', nullable: true })
  lines!: object | null

  @Column({ type: 'simple-array', nullable: true })
  tags!: string[] | null

  @Column({ type: 'boolean', default: false })
  paid!: boolean

  @Column({ type: 'varchar', default: 'manual', update: false })
  source!: string

  @ManyToOne(
    () => Customer,
    (customer) => customer.invoices,
    { nullable: true, orphanedRowAction: 'nullify' },
  )
  customer!: Customer | null

  toString() {
    return `Invoice over ${this.total}`
  }
}

@Entity()
@AuditUpdateDelete
class Document {
  @PrimaryColumn()
  id!: string

  @Column()
  title!: string

  @Column({ type: 'varchar', select: false, nullable: true })
  secret!: string | null

  @Column({ type: 'varchar', nullable: true, transformer: { to: flip, from: flip } })
  flipped!: string | null

  @CreateDateColumn()
  createdAt!: Date

  @UpdateDateColumn()
  updatedAt!: Date

  @VersionColumn()
  version!: number

  @DeleteDateColumn()
  deletedAt!: Date | null
}

/** A transformer; hoisted, because decorators run first. */
function flip(text: string | null): string | null {
  return text === null || text === undefined ? text : [...text].reverse().join('')
}

@Entity()
class Unaudited {
  @PrimaryGeneratedColumn()
  id!: number

  @Column()
  name!: string
}

let dataSource: DataSource
let trail: Trail

beforeEach(async () => {
  ;({ dataSource, trail } = await audited([Customer, Invoice, Document, Unaudited], {}, false))
  return () => dataSource.destroy()
})

const make = <T extends object>(type: new () => T, fields: Partial<T>): T => Object.assign(new type(), fields)
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

describe('save() of a new entity', () => {
  it('is OBJ_CREATE with the value of every column', async () => {
    const due = new Date('2026-12-24T10:00:00Z')
    await dataSource.manager.save(make(Invoice, { total: '12.50', due, lines: { a: [1] }, tags: ['x', 'y'] }))
    const event = trail.one()
    expect(event).toMatchObject({
      action: 'OBJ_CREATE',
      instance: { model: 'Invoice', table: 'invoice', pk: '1', name: 'Invoice over 12.50' },
      changes: {
        id: { to: 1 },
        total: { to: '12.50' },
        note: { to: null },
        due: { to: '2026-12-24T10:00:00.000Z' },
        lines: { to: { a: [1] } },
        tags: { to: ['x', 'y'] },
        paid: { to: false },
        source: { to: 'manual' },
        customer: { to: null },
      },
    })
    expect(event.instance?.timestamp).toMatch(ISO)
    expect(event.instance?.fields.toSorted()).toEqual(Object.keys(event.changes ?? {}).toSorted())
    expect(event.coverage).toBeUndefined()
    expect(event.transaction?.n).toBe(1)
  })

  it('names a relation with the key of the other side, and embedded columns by their path', async () => {
    const customer = await dataSource.manager.save(make(Customer, { name: 'Ada' }))
    expect(trail.one().changes).toEqual({
      id: { to: 1 },
      name: { to: 'Ada' },
      'address.street': { to: null },
      'address.city': { to: 'Zürich' },
    })
    await dataSource.manager.save(make(Invoice, { total: 1, customer }))
    expect(trail.one().changes?.customer).toEqual({ to: '1' })
  })

  it('takes plain objects, given with their class', async () => {
    await dataSource.getRepository(Invoice).save({ total: 3 })
    expect(trail.one()).toMatchObject({
      instance: { pk: '1', name: 'Invoice over 3' },
      changes: { total: { to: '3.00' } },
    })
  })

  it('yields one event for each of several, numbered within the transaction', async () => {
    await dataSource.manager.save([
      make(Invoice, { total: 1 }),
      make(Invoice, { total: 2 }),
      make(Invoice, { total: 3 }),
    ])
    expect(trail.queue.pushes).toHaveLength(1)
    const events = trail.take()
    expect(events.map(({ instance }) => instance?.pk)).toEqual(['1', '2', '3'])
    expect(events.map(({ transaction }) => transaction?.n)).toEqual([1, 2, 3])
    expect(new Set(events.map(({ transaction }) => transaction?.id)).size).toBe(1)
  })

  it('says what is not known when nothing is read back', async () => {
    await dataSource.manager.save(make(Invoice, { total: 1 }), { reload: false })
    const event = trail.one()
    expect(event.instance?.pk).toBeUndefined()
    expect(event.coverage).toBe('partial')
    expect(event.coverage_reason).toContain('the key of the row is not known')
    expect(event.coverage_reason).toContain('id, paid, source: the database chose the value and was not asked for it')
    expect(event.changes).toMatchObject({ total: { to: '1.00' }, customer: { to: null } })
    expect(event.changes).not.toHaveProperty('paid')
  })

  it('follows the cascade, and does not guess the key that the parent sets', async () => {
    const invoices = [make(Invoice, { total: 1 }), make(Invoice, { total: 2 })]
    await dataSource.manager.save(make(Customer, { name: 'Ada', invoices }))
    const [customer, ...children] = trail.take()
    expect(customer).toMatchObject({ action: 'OBJ_CREATE', instance: { model: 'Customer', pk: '1', name: 'Ada' } })
    expect(children).toHaveLength(2)
    for (const child of children) {
      expect(child).toMatchObject({ action: 'OBJ_CREATE', instance: { model: 'Invoice' }, coverage: 'partial' })
      expect(child.changes).not.toHaveProperty('customer')
      expect(child.coverage_reason).toMatch(/^customer: the value was not given/)
    }
  })
})

describe('save() of a changed entity', () => {
  let invoice: Invoice

  beforeEach(async () => {
    invoice = await dataSource.manager.save(
      make(Invoice, { total: '1.00', note: 'first', due: new Date(0), lines: { a: 1, b: 2 } }),
    )
    trail.take()
  })

  it('is OBJ_UPDATE with the changed properties only', async () => {
    invoice.total = '2.00'
    invoice.note = null
    await dataSource.manager.save(invoice)
    expect(trail.one()).toMatchObject({ action: 'OBJ_UPDATE', instance: { pk: '1', name: 'Invoice over 2.00' } })
    invoice.paid = true
    await dataSource.manager.save(invoice)
    const event = trail.one()
    expect(event.changes).toEqual({ paid: { from: false, to: true } })
    expect(event.instance?.fields).toEqual(['paid'])
    expect(event.coverage).toBeUndefined()
  })

  it('yields nothing when nothing changed, also where only the type of a value differs', async () => {
    await dataSource.manager.save(invoice)
    await dataSource.manager.save(Invoice, { id: 1, due: new Date(0), lines: { b: 2, a: 1 } })
    for (const total of ['1.00', 1, '1', '01.0']) await dataSource.manager.save(Invoice, { id: 1, total })
    expect(trail.take()).toEqual([])
  })

  it('compares dates by value, and shows JSON and lists whole', async () => {
    invoice.due = new Date(1000)
    invoice.lines = { a: 1, b: 3 }
    invoice.tags = ['x']
    await dataSource.manager.save(invoice)
    expect(trail.one().changes).toEqual({
      due: { from: '1970-01-01T00:00:00.000Z', to: '1970-01-01T00:00:01.000Z' },
      lines: { from: { a: 1, b: 2 }, to: { a: 1, b: 3 } },
      tags: { from: null, to: ['x'] },
    })
  })

  it('does not take properties that were not given for emptied ones', async () => {
    await dataSource.manager.save(Invoice, { id: 1, total: '5.00' })
    const event = trail.one()
    expect(event.changes).toEqual({ total: { from: '1.00', to: '5.00' } })
    expect(event.instance?.name).toBe('Invoice over 5.00')
    await dataSource.manager.save(make(Invoice, { id: 1, paid: true }))
    const second = trail.one()
    expect(second.changes).toEqual({ paid: { from: false, to: true } })
    expect(second.instance?.name).toBe('Invoice over 5')
  })

  it('leaves out a column that updates never write', async () => {
    invoice.source = 'import'
    invoice.note = 'second'
    await dataSource.manager.save(invoice)
    expect(trail.one().changes).toEqual({ note: { from: 'first', to: 'second' } })
  })

  it('shows a changed relation with both keys, once', async () => {
    const [ada, bob] = await dataSource.manager.save([make(Customer, { name: 'Ada' }), make(Customer, { name: 'Bob' })])
    trail.take()
    for (const [customer, change] of [
      [ada, { from: null, to: '1' }],
      [bob, { from: '1', to: '2' }],
      [{ id: 1 }, { from: '2', to: '1' }],
      [null, { from: '1', to: null }],
    ]) {
      invoice.customer = customer as Customer | null
      await dataSource.manager.save(invoice)
      expect(trail.one().changes).toEqual({ customer: change })
    }
  })

  it('shows embedded columns by their path, and keeps the label up to date', async () => {
    const customer = await dataSource.manager.save(make(Customer, { name: 'Ada' }))
    trail.take()
    customer.address.city = 'Bern'
    await dataSource.manager.save(customer)
    const event = trail.one()
    expect(event.changes).toEqual({ 'address.city': { from: 'Zürich', to: 'Bern' } })
    expect(event.instance?.name).toBe('Ada')
    customer.name = 'Ada Lovelace'
    await dataSource.manager.save(customer)
    expect(trail.one().instance?.name).toBe('Ada Lovelace')
  })

  it('says of a child attached through its parent that its relation changed, and not from what', async () => {
    const customer = await dataSource.manager.save(make(Customer, { name: 'Ada' }))
    trail.take()
    customer.invoices = [make(Invoice, { id: 1, note: 'second' })]
    await dataSource.manager.save(customer)
    const event = trail.one()
    expect(event).toMatchObject({ action: 'OBJ_UPDATE', instance: { pk: '1' }, coverage: 'partial' })
    expect(event.changes).toEqual({ note: { from: 'first', to: 'second' } })
    expect(event.instance?.fields).toContain('customer')
    expect(event.coverage_reason).toMatch(/^customer: the relation was changed by saving the other side/)
  })

  it('says so of a child that nothing else changed of, and of one taken from its parent', async () => {
    const customer = await dataSource.manager.save(make(Customer, { name: 'Ada' }))
    trail.take()
    customer.invoices = [make(Invoice, { id: 1 })]
    await dataSource.manager.save(customer)
    expect(trail.one()).toMatchObject({ instance: { pk: '1' }, coverage: 'partial' })
    customer.invoices = []
    await dataSource.manager.save(customer)
    const event = trail.one()
    expect(event).toMatchObject({ action: 'OBJ_UPDATE', instance: { model: 'Invoice' }, coverage: 'partial' })
    expect(event.instance?.pk).toBeUndefined()
    expect(event.coverage_reason).toBe('1 row was updated by saving a related entity: keys and values are not known')
  })
})

describe('columns with a life of their own', () => {
  let document: Document

  beforeEach(async () => {
    document = await dataSource.manager.save(
      make(Document, { id: 'd/1', title: 'A', secret: 's3cret!', flipped: 'abc' }),
    )
  })

  it('are in the creation', () => {
    const event = trail.one()
    expect(event.changes).toMatchObject({
      id: { to: 'd/1' },
      version: { to: 1 },
      flipped: { to: 'abc' },
      secret: { to: '***' },
      deletedAt: { to: null },
      createdAt: { to: expect.stringMatching(ISO) },
      updatedAt: { to: expect.stringMatching(ISO) },
    })
    expect(event.masked).toEqual(['changes.secret'])
    expect(event.coverage).toBeUndefined()
  })

  it('are in an update when they changed: version and update date', async () => {
    await dataSource.query(`UPDATE document SET updatedAt = '2020-01-01 00:00:00'`)
    document = await dataSource.manager.findOneByOrFail(Document, { id: 'd/1' })
    trail.take()
    document.title = 'B'
    await dataSource.manager.save(document)
    expect(trail.one().changes).toEqual({
      title: { from: 'A', to: 'B' },
      version: { from: 1, to: 2 },
      updatedAt: { from: '2020-01-01T00:00:00.000Z', to: expect.stringMatching(ISO) },
    })
  })

  it('are shown as the entity sees them when they are transformed', async () => {
    trail.take()
    document.flipped = 'xyz'
    await dataSource.manager.save(document)
    expect(trail.one().changes?.flipped).toEqual({ from: 'abc', to: 'xyz' })
  })

  it('are not guessed when they are not selected, and never shown', async () => {
    trail.take()
    document.secret = 'changed!'
    await dataSource.manager.save(document)
    const event = trail.one()
    expect(event.changes?.secret).toEqual({ to: '***' })
    expect(event.coverage).toBe('partial')
    expect(event.coverage_reason).toBe('secret: the column is not selected, so the old value is not known')
    expect(JSON.stringify(event)).not.toMatch(/changed!|s3cret!/)
  })

  it('say when their new value was not read back', async () => {
    document = await dataSource.manager.findOneByOrFail(Document, { id: 'd/1' })
    trail.take()
    document.title = 'B'
    await dataSource.manager.save(document, { reload: false })
    const event = trail.one()
    expect(event.changes).toEqual({ title: { from: 'A', to: 'B' } })
    expect(event.coverage_reason).toContain('version')
    expect(event.coverage_reason).toContain('the new value was not read back')
  })

  it('softRemove() is OBJ_DELETE, marked soft, with the deletion date', async () => {
    trail.take()
    await dataSource.manager.softRemove(document)
    const event = trail.one()
    expect(event).toMatchObject({ action: 'OBJ_DELETE', instance: { pk: 'd/1' }, content: { soft: true } })
    // The update date has changed if a second has begun since.
    expect({ ...event.changes, updatedAt: undefined }).toEqual({
      version: { from: 1, to: 2 },
      deletedAt: { from: null, to: expect.stringMatching(ISO) },
    })
  })

  it('recover() is OBJ_UPDATE, marked recovered', async () => {
    await dataSource.manager.softRemove(document)
    trail.take()
    await dataSource.manager.recover(document)
    const event = trail.one()
    expect(event).toMatchObject({ action: 'OBJ_UPDATE', instance: { pk: 'd/1' }, content: { recovered: true } })
    expect(event.changes).toMatchObject({ deletedAt: { from: expect.stringMatching(ISO), to: null } })
  })

  it('softRemove() and recover() of a row that is not there yield nothing', async () => {
    trail.take()
    await dataSource.manager.softRemove(make(Document, { id: 'none' }))
    await dataSource.manager.recover(make(Document, { id: 'none' }))
    expect(trail.take()).toEqual([])
  })
})

describe('remove()', () => {
  it('is OBJ_DELETE with what every column had', async () => {
    const customer = await dataSource.manager.save(make(Customer, { name: 'Ada' }))
    trail.take()
    await dataSource.manager.remove(customer)
    const event = trail.one()
    expect(event).toMatchObject({ action: 'OBJ_DELETE', instance: { model: 'Customer', pk: '1', name: 'Ada' } })
    expect(event.changes).toEqual({
      id: { from: 1 },
      name: { from: 'Ada' },
      'address.street': { from: null },
      'address.city': { from: 'Zürich' },
    })
    expect(event.coverage).toBeUndefined()
  })

  it('says that a relation was not loaded, instead of taking it from the given entity', async () => {
    const customer = await dataSource.manager.save(make(Customer, { name: 'Ada' }))
    const invoice = await dataSource.manager.save(make(Invoice, { total: 1, customer }))
    trail.take()
    invoice.customer = make(Customer, { id: 99 })
    await dataSource.manager.remove(invoice)
    const event = trail.one()
    expect(event.instance?.pk).toBe('1')
    expect(event.changes).not.toHaveProperty('customer')
    expect(event.coverage_reason).toBe('customer: the old value was not loaded')
  })

  it('shows the row as it was, not the entity as it was given', async () => {
    await dataSource.manager.save(make(Customer, { name: 'Ada' }))
    trail.take()
    await dataSource.manager.remove(make(Customer, { id: 1, name: 'someone else' }))
    expect(trail.one()).toMatchObject({ instance: { name: 'Ada' }, changes: { name: { from: 'Ada' } } })
  })

  it('yields nothing for a row that is not there', async () => {
    await dataSource.manager.remove(make(Customer, { id: 99 }))
    expect(trail.take()).toEqual([])
  })
})

describe('entities that are not logged', () => {
  it('yield nothing, whatever is done to them', async () => {
    const { manager } = dataSource
    const one = await manager.save(make(Unaudited, { name: 'a' }))
    one.name = 'b'
    await manager.save(one)
    await manager.update(Unaudited, { id: 1 }, { name: 'c' })
    await manager.insert(Unaudited, { name: 'd' })
    await manager.delete(Unaudited, { id: 2 })
    await manager.remove(one)
    expect(trail.take()).toEqual([])
    expect(trail.warnings).toEqual([])
  })
})
