import { DataSource } from 'typeorm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { entitiesOf, Pair, Part, Thing } from '../support/matrix/entities'
import { emptyDatabase, openPlain, SERVERS } from '../support/matrix/targets'
import { Trail } from '../unit/capture/support'

describe.each([...SERVERS])('%s with replication, and a slave that has other rows', (driver) => {
  const trail = new Trail()
  const opened: DataSource[] = []
  let dataSource: DataSource

  beforeAll(async () => {
    const at = async () => {
      const options = await emptyDatabase(driver)
      const plain = await openPlain(driver, options)
      opened.push(plain)
      return { options, plain }
    }
    const [master, slave] = [await at(), await at()]
    // What a slave says that lags behind for ever.
    await slave.plain.manager.insert(Pair, { left: 'a', right: 1, note: 'of the slave' })
    await slave.plain.manager.insert(Thing, { id: 1, name: 'of the slave', count: 99 })
    const { type, ...to } = master.options as { type: string }
    const { type: _, ...from } = slave.options as { type: string }
    dataSource = new DataSource({
      type,
      entities: entitiesOf(driver),
      replication: { master: to, slaves: [from], defaultMode: 'slave' },
    } as never)
    opened.push(await dataSource.initialize())
    trail.attach(dataSource)
  })
  afterAll(() => Promise.all(opened.map((one) => one.destroy())))

  const shown = (property: string) => trail.take().map(({ action, changes }) => [action, changes?.[property]])

  it('shows what the master had before each write', async () => {
    const { manager } = dataSource
    const builder = () => manager.createQueryBuilder()
    await manager.insert(Pair, { left: 'a', right: 1, note: 'a' })
    await manager.update(Pair, { left: 'a' }, { note: 'b' })
    await manager.upsert(Pair, { left: 'a', right: 1, note: 'c' }, ['left', 'right'])
    await builder().update(Pair).set({ note: 'd' }).where('note = :note', { note: 'c' }).execute()
    await manager.delete(Pair, { note: 'd' })
    expect(shown('note')).toEqual([
      ['OBJ_CREATE', { to: 'a' }],
      ['OBJ_UPDATE', { from: 'a', to: 'b' }],
      ['OBJ_UPDATE', { from: 'b', to: 'c' }],
      ['OBJ_UPDATE', { from: 'c', to: 'd' }],
      ['OBJ_DELETE', { from: 'd' }],
    ])
    await manager.insert(Thing, { id: 1, name: 'x', count: 1 })
    await manager.increment(Thing, { id: 1 }, 'count', 1)
    await manager.softDelete(Thing, { id: 1 })
    await manager.restore(Thing, { id: 1 })
    expect(shown('count')).toEqual([
      ['OBJ_CREATE', { to: 1 }],
      ['OBJ_UPDATE', { from: 1, to: 2 }],
      ['OBJ_DELETE', undefined],
      ['OBJ_UPDATE', undefined],
    ])
  })

  it('counts the rows that clear() removes on the master', async () => {
    await dataSource.manager.insert(Part, [{ name: 'd' }, { name: 'e' }])
    trail.take()
    await dataSource.manager.clear(Part)
    expect(trail.one().content).toEqual({ cleared: true, rows: 2 })
  })
})
