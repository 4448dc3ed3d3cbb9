import 'reflect-metadata'
import {
  Column,
  DataSource,
  Entity,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryGeneratedColumn,
} from 'typeorm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../../src/capture/decorator'
import { auditing, sqljs } from './support'

class Card {
  @Column() number!: string
  @Column() holder!: string
}

@Entity()
class Customer {
  @PrimaryGeneratedColumn() id!: number
  @Column() name!: string
  @OneToMany(
    () => Account,
    (account) => account.customer,
  )
  accounts!: Account[]
}

@Entity()
class Tag {
  @PrimaryGeneratedColumn() id!: number
  @Column() text!: string
}

@Entity()
@AuditUpdateDelete({ mask: ['iban', 'card.number'], except: ['notes', 'card.holder'] })
class Account {
  @PrimaryGeneratedColumn() id!: number
  @Column('decimal', { precision: 12, scale: 2 }) total!: string
  @Column() iban!: string
  @Column() notes!: string
  @Column({ select: false }) hidden!: string
  @Column(() => Card) card!: Card
  @Column('simple-json') options!: { colour: string }
  @ManyToOne(
    () => Customer,
    (customer) => customer.accounts,
  )
  customer!: Customer
  @ManyToMany(() => Tag) @JoinTable() tags!: Tag[]

  get label(): string {
    return `account ${this.iban}`
  }
}

@Entity()
@AuditUpdateDelete({ only: ['total', 'iban'], mask: { iban: 'partial' } })
class Narrow {
  @PrimaryGeneratedColumn() id!: number
  @Column() total!: number
  @Column() secretary!: string
  @Column() iban!: string
}

let dataSource: DataSource

beforeAll(async () => {
  dataSource = await sqljs([Account, Customer, Tag, Narrow])
})
afterAll(() => dataSource.destroy())

function account(): Account {
  return dataSource.manager.create(Account, {
    id: 7,
    total: '2',
    iban: 'CH93-0076',
    notes: 'n0tes-secret',
    hidden: 'h1dden-secret',
    card: { number: '4111-1111', holder: 'h0lder-secret' },
    options: { colour: 'red' },
    customer: { id: 3, name: 'ACME' },
    tags: [
      { id: 1, text: 'a' },
      { id: 2, text: 'b' },
    ],
  })
}

function recorded(names: readonly string[], content?: object, instance: object = account()) {
  const { audit, last, codes, queue } = auditing()
  audit.attach(dataSource)
  audit.fields(instance, names, content as never)
  audit.detach()
  return { event: last(), codes: codes(), line: queue.pushes.join() }
}

describe('fields', () => {
  it('takes the current values, in the form that changes have, and relations as keys', () => {
    const { event, codes } = recorded(['total', 'options', 'customer', 'tags'], { reason: 'year-end', step: 2 })
    expect(event).toMatchObject({
      action: 'OBJ_FIELDS',
      outcome: 'success',
      reason: 'year-end',
      instance: { model: 'Account', pk: '7', fields: ['total', 'options', 'customer', 'tags'] },
      content: {
        step: 2,
        values: { total: '2.00', options: { colour: 'red' }, customer: '3', tags: ['1', '2'] },
      },
    })
    expect(event).not.toHaveProperty('coverage')
    expect(codes).toEqual([])
  })

  it('holds what the entity keeps back: mask, select: false and except, also inside of what was asked for', () => {
    const { event, line } = recorded(['iban', 'hidden', 'notes', 'card', 'label'])
    expect(event?.content).toEqual({
      values: { iban: '***', hidden: '***', card: { number: '***', holder: '***' }, label: 'account ***' },
    })
    expect(event?.masked).toEqual(expect.arrayContaining(['content.values.iban', 'content.values.card.number']))
    expect(event).toMatchObject({ coverage: 'partial', coverage_reason: expect.stringContaining('notes') })
    expect(line).not.toMatch(/CH93|h1dden|n0tes|4111|h0lder/)
  })

  it('holds only, and the mode in which a property is masked', () => {
    const narrow = dataSource.manager.create(Narrow, { id: 1, total: 5, secretary: 's3cret', iban: 'CH93-0076-2011' })
    const { event, line } = recorded(['total', 'secretary', 'iban'], {}, narrow)
    expect(event?.content).toEqual({ values: { total: 5, iban: '***2011' } })
    expect(event?.coverage_reason).toContain('secretary')
    expect(line).not.toMatch(/s3cret|CH93/)
  })

  it('holds what the class keeps back even when its data source is not attached', () => {
    const { audit, last, queue } = auditing()
    audit.fields(account(), ['iban', 'notes', 'card', 'total'])
    expect(last()?.content).toEqual({ values: { iban: '***', card: { number: '***', holder: '***' }, total: '2' } })
    expect(queue.pushes.join()).not.toMatch(/CH93|n0tes|4111|h0lder/)
  })

  it('says what is not loaded, and that a name is none', () => {
    const partial = dataSource.manager.create(Account, { id: 7, total: '1' })
    const { event, codes } = recorded(['total', 'iban', 'tags', 'totall'], {}, partial)
    expect(event?.content).toEqual({ values: { total: '1.00' } })
    expect(event?.coverage_reason).toMatch(/totall is no property/)
    expect(codes).toEqual(['AUDIT_INVALID_CALL'])
    const loaded = recorded(['total', 'iban', 'tags'], {}, partial)
    expect(loaded.event?.coverage_reason).toBe('iban is not loaded; tags is not loaded')
    expect(loaded.codes).toEqual([])
  })

  it('takes any object, and masks what is secret by its name', () => {
    const { event } = recorded(['plan', 'password'], undefined, { id: 1, plan: 'trial', password: 'hunter22' })
    expect(event?.content).toEqual({ values: { plan: 'trial', password: '***' } })
  })

  it.each<[unknown, unknown, unknown, RegExp]>([
    [undefined, ['a'], undefined, /instance/],
    [{ a: 1 }, [], undefined, /names/],
    [{ a: 1 }, 'a', undefined, /names/],
    [{ a: 1 }, ['a'], { values: 5 }, /values is a name of the event itself/],
  ])('called wrongly (%o, %o, %o) leaves an event that says so', (instance, names, content, problem) => {
    const { event, codes } = recorded(names as never, content as never, instance as never)
    expect(event).toMatchObject({ action: 'OBJ_FIELDS', outcome: 'failure', coverage: 'partial' })
    expect(event?.coverage_reason).toMatch(problem)
    expect(codes).toEqual(['AUDIT_INVALID_CALL'])
  })
})
