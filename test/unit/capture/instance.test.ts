import 'reflect-metadata'
import { Column, type DataSource, Entity, EntitySchema, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../../src/capture/decorator'
import { describeInstance } from '../../../src/capture/instance'
import { sameValue } from '../../../src/capture/same-value'
import { sqljs } from './support'

@Entity({ name: 'organisations' })
class Organisation {
  @PrimaryGeneratedColumn()
  id!: number

  @Column()
  name!: string

  toString() {
    return this.name
  }
}

@Entity()
@AuditUpdateDelete({ label: (member: Member) => `${member.role} with ${member.token}`, mask: ['token'] })
class Member {
  @PrimaryColumn()
  organisation!: string

  @PrimaryColumn()
  number!: number

  @Column()
  role!: string

  @Column()
  token!: string
}

const Plain = new EntitySchema<{ id: number }>({ name: 'Plain', columns: { id: { type: Number, primary: true } } })
const make = <T extends object>(type: new () => T, fields: Partial<T>): T => Object.assign(new type(), fields)

let dataSource: DataSource

beforeAll(async () => {
  dataSource = await sqljs([Organisation, Member, Plain])
})
afterAll(() => dataSource.destroy())

const describe_ = (value: unknown) => describeInstance(value, [dataSource])

describe('describeInstance', () => {
  it('describes an entity by its metadata', () => {
    expect(describe_(make(Organisation, { id: 7, name: 'Acme' }))).toEqual({
      model: 'Organisation',
      table: 'organisations',
      pk: '7',
      name: 'Acme',
      fields: ['id', 'name'],
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
    })
  })

  it('gives a composite key as canonical JSON, and a label without what is masked', () => {
    const member = make(Member, { number: 2, organisation: 'a"b', role: 'owner', token: 't0ken-1' })
    expect(describe_(member)).toMatchObject({ pk: '{"number":"2","organisation":"a\\"b"}', name: 'owner with ***' })
  })

  it('leaves out a key that is not complete', () => {
    expect(describe_(make(Member, { number: 2 }))).not.toHaveProperty('pk')
    expect(describe_(new Organisation())).not.toHaveProperty('pk')
  })

  it('describes any other object by its class, its id and its own properties', () => {
    class Report {
      id = 42n
      rows = 3
    }
    expect(describe_(new Report())).toMatchObject({ model: 'Report', pk: '42', fields: ['id', 'rows'] })
    expect(describe_({ name: 'x' })).toMatchObject({ model: 'Object', fields: ['name'] })
    expect(describe_({ name: 'x' })).not.toHaveProperty('pk')
    expect(describe_(Object.create(null))).toMatchObject({ model: 'Object', fields: [] })
    expect(describe_({ id: null })).not.toHaveProperty('pk')
  })

  it('has nothing to say of what is no object', () => {
    for (const value of [undefined, null, 'text', 7, true, Symbol('x'), () => 1, [1]])
      expect(describe_(value)).toBeUndefined()
  })

  it('survives a toString that throws', () => {
    class Broken {
      toString(): string {
        throw new Error('broken')
      }
    }
    expect(describe_(new Broken())).toMatchObject({ model: 'Broken', name: '[Unreadable]' })
  })

  it('knows entities only of data sources that are initialised', async () => {
    const other = await sqljs([Organisation])
    await other.destroy()
    expect(describeInstance(make(Organisation, { id: 7 }), [other])).toMatchObject({ model: 'Organisation', pk: '7' })
    expect(describeInstance(make(Organisation, { id: 7 }), [other])).not.toHaveProperty('table')
  })
})

describe('whether two values are the same', () => {
  const property = (type: unknown) => ({ name: 'p', columns: [{ type }] }) as never
  it.each<[unknown, unknown, unknown, boolean]>([
    ['decimal', '1.00', 1, true],
    ['decimal', '1.00', '1', true],
    ['numeric', '-0.0', 0, true],
    ['numeric', '1.01', '1.010', true],
    ['numeric', '1.01', '1.001', false],
    ['bigint', '9007199254740993', 9007199254740993n, true],
    ['bigint', '9007199254740993', '9007199254740992', false],
    ['int', 5, '05', true],
    ['int', 5, '5x', false],
    ['varchar', '007', 7, false],
    ['varchar', '7', 7, true],
    ['varchar', '1.0', '1', false],
    ['varchar', null, '', false],
    ['varchar', undefined, null, false],
    ['float', Number.NaN, Number.NaN, true],
    ['datetime', new Date(5), new Date(5), true],
    ['datetime', new Date(5), new Date(6), false],
    ['boolean', true, false, false],
    ['json', { a: 1, b: [2] }, { b: [2], a: 1 }, true],
    ['json', { a: 1 }, { a: '1' }, false],
    ['blob', Buffer.from('a'), new Uint8Array([97]), true],
    ['blob', Buffer.from('a'), Buffer.from('b'), false],
  ])('%s: %o and %o: %s', (type, from, to, same) => {
    expect(sameValue(property(type), from, to)).toBe(same)
    expect(sameValue(property(type), to, from)).toBe(same)
  })

  it('is no, when one cannot be read', () => {
    const broken = {
      get boom(): number {
        throw new Error('boom')
      },
    }
    expect(sameValue(property('json'), broken, { boom: 1 })).toBe(false)
  })
})
