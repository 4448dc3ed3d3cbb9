import 'reflect-metadata'
import { Column, type DataSource, Entity, PrimaryGeneratedColumn } from 'typeorm'
import { afterEach, describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { audited, type Trail } from '../unit/capture/support'

class Card {
  @Column({ type: 'varchar', nullable: true })
  number!: string | null

  @Column({ type: 'varchar', nullable: true })
  bank!: string | null
}

abstract class Base {
  @PrimaryGeneratedColumn()
  id!: number

  @Column({ type: 'varchar', nullable: true })
  name!: string | null

  @Column({ type: 'datetime', nullable: true })
  seen!: Date | null

  @Column({ type: 'simple-json', nullable: true })
  profile!: object | null

  @Column(() => Card)
  card!: Card
}

let dataSource: DataSource
let trail: Trail
const make = <T extends object>(type: new () => T, fields: object): T => Object.assign(new type(), fields)

afterEach(() => dataSource.destroy())

async function open(...entities: Parameters<typeof audited>) {
  ;({ dataSource, trail } = await audited(...entities))
}

describe('the options of a decoration', () => {
  it('actions: only these are logged', async () => {
    @Entity()
    @AuditUpdateDelete({ actions: ['delete'] })
    class Account extends Base {}
    await open([Account])
    const account = await dataSource.manager.save(make(Account, { name: 'a' }))
    account.name = 'b'
    await dataSource.manager.save(account)
    await dataSource.manager.update(Account, { id: 1 }, { name: 'c' })
    await dataSource.manager.upsert(Account, { id: 1, name: 'd' }, ['id'])
    expect(trail.take()).toEqual([])
    await dataSource.manager.remove(account)
    expect(trail.one().action).toBe('OBJ_DELETE')
  })

  it('actions: an upsert is told where either creations or updates are', async () => {
    @Entity()
    @AuditUpdateDelete({ actions: ['update'] })
    class Account extends Base {}
    await open([Account])
    await dataSource.manager.insert(Account, { name: 'a' })
    expect(trail.take()).toEqual([])
    await dataSource.manager.upsert(Account, { id: 1, name: 'd' }, ['id'])
    expect(trail.one()).toMatchObject({ action: 'OBJ_UPDATE', changes: { name: { from: 'a', to: 'd' } } })
  })

  it('except: an update of nothing else yields no event', async () => {
    @Entity()
    @AuditUpdateDelete({ except: ['seen', 'card'] })
    class Account extends Base {}
    await open([Account])
    const account = await dataSource.manager.save(make(Account, { name: 'a', seen: new Date(), card: { number: '1' } }))
    expect(trail.one().instance?.fields).toEqual(['id', 'name', 'profile'])
    account.seen = new Date(0)
    account.card.bank = 'UBS'
    await dataSource.manager.save(account)
    await dataSource.manager.update(Account, { id: 1 }, { seen: new Date(1) })
    await dataSource.manager.update(Account, { id: 1 }, { seen: () => 'CURRENT_TIMESTAMP' })
    expect(trail.take()).toEqual([])
    account.name = 'b'
    account.seen = new Date(2)
    await dataSource.manager.save(account)
    expect(trail.one().changes).toEqual({ name: { from: 'a', to: 'b' } })
  })

  it('only: nothing else is shown, in a deletion either', async () => {
    @Entity()
    @AuditUpdateDelete({ only: ['name', 'card.bank'] })
    class Account extends Base {}
    await open([Account])
    const account = await dataSource.manager.save(make(Account, { name: 'a', card: { number: '1', bank: 'UBS' } }))
    expect(trail.one().changes).toEqual({ name: { to: 'a' }, 'card.bank': { to: 'UBS' } })
    account.card.number = '2'
    await dataSource.manager.save(account)
    expect(trail.take()).toEqual([])
    await dataSource.manager.remove(account)
    expect(trail.one().changes).toEqual({ name: { from: 'a' }, 'card.bank': { from: 'UBS' } })
  })

  it('mask: the values appear nowhere, in the name neither', async () => {
    @Entity()
    @AuditUpdateDelete({
      mask: ['name', 'profile.iban', 'card.number'],
      label: (account: Account) => `${account.name}!`,
    })
    class Account extends Base {}
    await open([Account])
    const profile = { iban: 'CH93-0076', city: 'Bern' }
    const account = await dataSource.manager.save(
      make(Account, { name: 'Hidden Name', profile, card: { number: '4111' } }),
    )
    const created = trail.one()
    expect(created.changes).toMatchObject({
      name: { to: '***' },
      profile: { to: { iban: '***', city: 'Bern' } },
      'card.number': { to: '***' },
      'card.bank': { to: null },
    })
    expect(created.masked).toEqual(
      expect.arrayContaining(['changes.name', 'changes.profile.iban', 'changes.card.number']),
    )
    expect(created.instance?.name).toBe('***!')
    account.seen = new Date(0)
    await dataSource.manager.save(account)
    account.name = 'Other Name'
    await dataSource.manager.save(account)
    await dataSource.manager.remove(account)
    const events = trail.take()
    expect(events).toHaveLength(3)
    expect(JSON.stringify(events)).not.toMatch(/Hidden|Other|CH93|4111/)
    expect(events[1]?.changes).toEqual({ name: { from: '***', to: '***' } })
  })

  it('label: a masked property is no name', async () => {
    @Entity()
    @AuditUpdateDelete({ mask: ['card'], label: 'card.number' })
    class Account extends Base {}
    await open([Account])
    await dataSource.manager.save(make(Account, { card: { number: '4111' } }))
    expect(trail.one().instance?.name).toBe('***')
  })

  it('label: a function that throws costs the name only, and is reported once', async () => {
    @Entity()
    @AuditUpdateDelete({
      label: () => {
        throw new Error('no label')
      },
    })
    class Account extends Base {}
    await open([Account])
    const account = await dataSource.manager.save(make(Account, { name: 'a' }))
    account.name = 'b'
    await dataSource.manager.save(account)
    const events = trail.take()
    expect(events.map(({ instance }) => instance?.name)).toEqual(['[Unreadable]', '[Unreadable]'])
    expect(events[1]?.changes).toEqual({ name: { from: 'a', to: 'b' } })
    expect(trail.warnings.map(({ code }) => code)).toEqual(['AUDIT_VALUE_UNREADABLE'])
    expect(trail.warnings[0]?.message).toContain('the name of Account: Error: no label')
  })

  it('warns once of a property that the entity does not have', async () => {
    @Entity()
    @AuditUpdateDelete({ mask: ['ibann'], except: ['seen'], label: 'nmae' })
    class Account extends Base {}
    await open([Account])
    await dataSource.manager.save([make(Account, { name: 'a' }), make(Account, { name: 'b' })])
    expect(trail.take()).toHaveLength(2)
    expect(trail.warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('@AuditUpdateDelete on Account names ibann, which is no property of it.'),
      expect.stringContaining('names nmae'),
    ])
  })
})

describe('the settings', () => {
  @Entity()
  @AuditUpdateDelete({ mask: ['name'] })
  class Decorated extends Base {}

  @Entity()
  class Listed extends Base {}

  @Entity({ name: 'others' })
  class Other extends Base {}

  const logged = async () => {
    for (const entity of [Decorated, Listed, Other]) await dataSource.manager.save(make(entity, { name: 'a' }))
    return trail.take().map(({ instance }) => instance?.model)
  }

  it.each<[string, object, string[]]>([
    ['decorated ones unless set', {}, ['Decorated']],
    ['all', { models: 'all' }, ['Decorated', 'Listed', 'Other']],
    ['the listed ones, decorated or not', { models: ['Listed', 'Other'] }, ['Listed', 'Other']],
    ['all but the excluded', { models: 'all', exclude: ['Decorated'] }, ['Listed', 'Other']],
    ['never the excluded, although listed and decorated', { models: ['Decorated'], exclude: ['Decorated'] }, []],
  ])('log %s', async (_, settings, models) => {
    await open([Decorated, Listed, Other], settings)
    expect(await logged()).toEqual(models)
    expect(trail.warnings).toEqual([])
  })

  it('keep a decoration in force where models lists its entity', async () => {
    await open([Decorated], { models: ['Decorated'] })
    await dataSource.manager.save(make(Decorated, { name: 'a' }))
    expect(trail.one().changes?.name).toEqual({ to: '***' })
  })

  it('are warned about, once, where they name no entity', async () => {
    await open([Decorated, Listed, Other], { models: ['Listed', 'Lsited'], exclude: ['Othr'] })
    await logged()
    await logged()
    expect(trail.warnings.map(({ code }) => code)).toEqual(['AUDIT_MODEL_UNKNOWN', 'AUDIT_MODEL_UNKNOWN'])
    expect(trail.warnings[0]?.message).toContain('The setting models names Lsited, which is no entity')
    expect(trail.warnings[1]?.message).toContain('The setting exclude names Othr')
  })
})
