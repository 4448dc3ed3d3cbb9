import 'reflect-metadata'
import { BaseEntity, Column, type DataSource, Entity, ManyToOne, OneToMany, PrimaryGeneratedColumn } from 'typeorm'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { loadSettings } from '../../config/settings'
import { attachCapture } from '../../src/capture/attach'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import type { Recorder } from '../../src/recorder'
import { audited, sqljs } from '../unit/capture/support'

@Entity()
@AuditUpdateDelete({ mask: ['pin'] })
class Account extends BaseEntity {
  @PrimaryGeneratedColumn()
  id!: number

  @Column()
  name!: string

  @Column({ type: 'varchar', nullable: true })
  pin!: string | null

  @OneToMany(
    () => Account,
    (account) => account.parent,
  )
  children!: Account[]

  @ManyToOne(
    () => Account,
    (account) => account.children,
    { lazy: true, nullable: true },
  )
  parent!: Promise<Account | null>
}

let dataSource: DataSource
const make = (fields: object) => Object.assign(new Account(), fields)

afterEach(() => dataSource.destroy())

describe('a capture that fails', () => {
  it.each(['capture', 'deliver'] as const)('does not reach the caller: %s() throws', async (method) => {
    dataSource = await sqljs([Account])
    const warn = vi.fn()
    const settings = loadSettings({ logger: { debug: warn, info: warn, warn, error: warn } }, {})
    const recorder: Recorder = {
      capture: () => ({ id: '1' }),
      moment: () => undefined,
      captureSoon: () => () => ({ id: '1' }),
      deliver: () => undefined,
      flush: async () => undefined,
      refusal: () => undefined,
    }
    attachCapture(
      dataSource,
      {
        ...recorder,
        [method]: () => {
          throw new Error('out of order')
        },
      },
      settings,
    )
    const account = await dataSource.manager.save(make({ name: 'a' }))
    account.name = 'b'
    await expect(dataSource.manager.save(account)).resolves.toMatchObject({ id: 1, name: 'b' })
    await expect(dataSource.manager.remove(account)).resolves.toMatchObject({ name: 'b' })
    expect(warn).toHaveBeenCalledTimes(1)
    expect(warn.mock.calls[0]?.[0]).toMatchObject({ code: 'AUDIT_CAPTURE_FAILED' })
    expect(warn.mock.calls[0]?.[1]).toContain('out of order')
  })

  it('yields an event that says so, since the write did happen', async () => {
    const given = await audited([Account], {}, false)
    dataSource = given.dataSource
    const { trail } = given
    const account = await dataSource.manager.save(make({ name: 'a', pin: '1234' }))
    trail.take()
    const column = dataSource.getMetadata(Account).findColumnWithPropertyName('name')
    if (column === undefined) throw new Error('the column is missing')
    const original = column.getEntityValue
    let calls = 0
    // TypeORM's own comparison reads it first.
    column.getEntityValue = (...values) => {
      calls += 1
      if (new Error().stack?.includes('src/capture/changes')) throw new Error('unreadable 1234')
      return original.apply(column, values)
    }
    account.name = 'b'
    await dataSource.manager.save(account)
    column.getEntityValue = original
    expect(calls).toBeGreaterThan(0)
    const event = trail.one()
    expect(event).toMatchObject({
      action: 'OBJ_UPDATE',
      instance: { model: 'Account', fields: [] },
      coverage: 'partial',
    })
    expect(event.coverage_reason).toBe('the change could not be read: see the application log')
    expect(trail.warnings.map(({ code }) => code)).toEqual(['AUDIT_CAPTURE_FAILED'])
  })
})

describe('the application', () => {
  it('gets from TypeORM what it would get without capture', async () => {
    const run = async (source: DataSource) => {
      const results: unknown[] = []
      const { manager } = source
      const account = await manager.save(make({ name: 'a', pin: '1' }))
      results.push({ ...account })
      results.push(await manager.insert(Account, [{ name: 'b' }, { name: 'c' }]))
      results.push(await manager.update(Account, { name: 'b' }, { name: 'd' }))
      results.push(await manager.upsert(Account, { id: 1, name: 'e' }, ['id']))
      results.push({ ...(await manager.save(Account, { id: 2, name: 'f' })) })
      results.push(await manager.delete(Account, { id: 3 }))
      results.push({ ...(await manager.remove(account)) })
      results.push((await manager.find(Account)).map((one) => ({ ...one })))
      return results
    }
    const plain = await sqljs([Account])
    const expected = await run(plain)
    await plain.destroy()
    ;({ dataSource } = await audited([Account]))
    expect(await run(dataSource)).toEqual(expected)
  })

  it('is recorded through BaseEntity, and its lazy relations are not loaded', async () => {
    const given = await audited([Account])
    dataSource = given.dataSource
    const { trail } = given
    const root = await make({ name: 'root' }).save()
    const child = Account.create({ name: 'child' })
    child.parent = Promise.resolve(root)
    await child.save()
    expect(trail.take().map(({ changes }) => changes?.parent)).toEqual([{ to: null }, { to: '1' }])
    const loaded = await Account.findOneByOrFail({ id: child.id })
    const query = vi.spyOn(dataSource.createQueryRunner(), 'query')
    loaded.name = 'renamed'
    await loaded.save()
    const selects = query.mock.calls.filter(([text]) => /SELECT/i.test(text))
    // The one with which TypeORM itself looks the row up.
    expect(selects).toHaveLength(1)
    expect(trail.one().changes).toEqual({ name: { from: 'child', to: 'renamed' } })
  })

  it('does not have its entities changed or kept by what is recorded', async () => {
    const given = await audited([Account])
    dataSource = given.dataSource
    const account = await dataSource.manager.save(make({ name: 'a', pin: '1' }))
    account.name = 'later'
    expect(given.trail.one().changes?.name).toEqual({ to: 'a' })
    expect(account.pin).toBe('1')
  })
})
