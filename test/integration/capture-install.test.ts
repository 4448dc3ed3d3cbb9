import 'reflect-metadata'
import { Column, type DataSource, Entity, type EntityManager, PrimaryGeneratedColumn } from 'typeorm'
import { afterEach, describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { Part } from '../support/matrix/entities'
import { type MatrixDriver, openPlain } from '../support/matrix/targets'
import { sqljs, Trail } from '../unit/capture/support'

@Entity()
@AuditUpdateDelete
class Account {
  @PrimaryGeneratedColumn()
  id!: number

  @Column()
  name!: string
}

const opened: DataSource[] = []
const keep = async (given: Promise<DataSource>) => {
  const dataSource = await given
  opened.push(dataSource)
  return dataSource
}
afterEach(async () => {
  for (const one of opened.splice(0)) await one.destroy()
})

/** Every function that TypeORM's classes behind this data source have, by the class and its name. */
function methodsOf(dataSource: DataSource): Map<string, unknown> {
  const builder = () => dataSource.createQueryBuilder()
  const subjects = [
    builder().insert(),
    builder().update(),
    builder().delete(),
    builder().softDelete(),
    builder().relation(Account, 'id'),
  ]
  const all: object[] = [
    ...subjects,
    dataSource.manager,
    dataSource.driver,
    dataSource.createQueryRunner('master'),
    dataSource,
  ]
  const methods = new Map<string, unknown>()
  for (const subject of all) {
    let prototype = Object.getPrototypeOf(subject) as object | null
    for (let depth = 0; prototype !== null && prototype !== Object.prototype; depth += 1) {
      for (const name of Reflect.ownKeys(prototype)) {
        const { value, get } = Object.getOwnPropertyDescriptor(prototype, name) ?? {}
        methods.set(`${subject.constructor.name} ${depth} ${String(name)}`, value ?? get)
      }
      prototype = Object.getPrototypeOf(prototype) as object | null
    }
  }
  return methods
}

const differing = (one: Map<string, unknown>, other: Map<string, unknown>) =>
  [...new Set([...one.keys(), ...other.keys()])].filter((name) => one.get(name) !== other.get(name))

describe('attach', () => {
  it('twice records once, and detach puts back exactly the methods that TypeORM had', async () => {
    const dataSource = await keep(sqljs([Account]))
    const before = methodsOf(dataSource)
    const trail = new Trail()
    const detach = trail.attach(dataSource)
    const during = methodsOf(dataSource)
    expect(trail.attach(dataSource)).toBe(detach)
    expect(differing(during, methodsOf(dataSource))).toEqual([])
    await dataSource.manager.insert(Account, { name: 'a' })
    await dataSource.manager.save(Account, { name: 'b' })
    await dataSource.manager.clear(Account)
    expect(trail.take()).toHaveLength(3)
    detach()
    detach()
    expect(differing(before, methodsOf(dataSource))).toEqual([])
    await dataSource.manager.insert(Account, { name: 'c' })
    expect(trail.take()).toEqual([])
    trail.attach(dataSource)
    await dataSource.manager.update(Account, { name: 'c' }, { name: 'd' })
    expect(trail.one().changes).toEqual({ name: { from: 'c', to: 'd' } })
    trail.attach(dataSource)()
  })

  it('leaves alone what another package has put around the same method meanwhile', async () => {
    const dataSource = await keep(sqljs([Account]))
    const prototype = Object.getPrototypeOf(dataSource.createQueryBuilder().update()) as Record<
      'execute',
      () => Promise<unknown>
    >
    const original = prototype.execute
    const trail = new Trail()
    const detach = trail.attach(dataSource)
    const ours = prototype.execute
    let calls = 0
    prototype.execute = function (this: unknown) {
      calls += 1
      return ours.call(this)
    }
    const theirs = prototype.execute
    await dataSource.manager.insert(Account, { name: 'a' })
    trail.take()
    await dataSource.manager.update(Account, { name: 'a' }, { name: 'b' })
    expect(trail.one().changes).toEqual({ name: { from: 'a', to: 'b' } })
    detach()
    expect(prototype.execute).toBe(theirs)
    await dataSource.manager.update(Account, { name: 'b' }, { name: 'c' })
    expect([calls, trail.take()]).toEqual([2, []])
    prototype.execute = original
  })
})

describe('several data sources at once', () => {
  it('are told apart, and go on when one of them is detached', async () => {
    const drivers: MatrixDriver[] = ['postgres', 'mariadb', 'mysql', 'sqljs', 'better-sqlite3']
    const parties = await Promise.all(
      drivers.map(async (driver) => {
        const dataSource = await keep(openPlain(driver))
        const trail = new Trail()
        return { dataSource, trail, detach: trail.attach(dataSource) }
      }),
    )
    const unaudited = await keep(openPlain('sqljs'))
    const write = async (manager: EntityManager) => {
      await manager.save(Part, { name: 'saved' })
      await manager.update(Part, { name: 'saved' }, { name: 'updated' })
      await manager.clear(Part)
    }
    const everywhere = () =>
      Promise.all([...parties.map(({ dataSource }) => write(dataSource.manager)), write(unaudited.manager)])
    await everywhere()
    const heard = () => parties.map(({ trail }) => trail.take().map(({ action }) => action))
    const all = ['OBJ_CREATE', 'OBJ_UPDATE', 'OBJ_DELETE']
    expect(heard()).toEqual([all, all, all, all, all])
    parties[1]?.detach()
    parties[3]?.detach()
    await everywhere()
    expect(heard()).toEqual([all, [], all, [], all])
    for (const { detach } of parties) detach()
    await everywhere()
    expect(heard()).toEqual([[], [], [], [], []])
  })

  it('write within one transaction of the other without mixing their events', async () => {
    const one = await keep(openPlain('postgres'))
    const other = await keep(openPlain('mariadb'))
    const [first, second] = [new Trail(), new Trail()]
    const detach = [first.attach(one), second.attach(other)]
    const rolledBack = one.transaction(async (manager) => {
      await manager.insert(Part, { name: 'gone' })
      await other.manager.insert(Part, { name: 'kept' })
      throw new Error('on purpose')
    })
    await expect(rolledBack).rejects.toThrow('on purpose')
    expect(first.take()).toEqual([])
    expect(second.one().changes?.name).toEqual({ to: 'kept' })
    for (const undo of detach) undo()
  })
})
