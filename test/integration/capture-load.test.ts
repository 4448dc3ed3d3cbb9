import type { DataSource } from 'typeorm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { emptied } from '../support/matrix/emptied'
import { Owner, Pair, Part, Tag, Thing } from '../support/matrix/entities'
import { expectedOf, lines, toldBy } from '../support/matrix/expected'
import { isAudited } from '../support/matrix/suite'
import { openTarget, SERVERS } from '../support/matrix/targets'
import { forgetTruth, notedIn } from '../support/matrix/truth'
import type { Trail } from '../unit/capture/support'

const WRITERS = 50

describe.each([...SERVERS])('%s, a pool of 4 connections', (driver) => {
  let dataSource: DataSource
  let trail: Trail

  beforeAll(async () => {
    const pool = driver === 'postgres' ? { max: 4 } : { connectionLimit: 4 }
    ;({ dataSource, trail } = await openTarget(driver, { extra: pool }))
  })
  afterAll(() => dataSource?.destroy())
  beforeEach(async () => {
    await emptied(dataSource)
    await dataSource.manager.insert(Owner, { id: 1, name: 'Ada' })
    await dataSource.manager.insert(Tag, { id: 1, name: 'red' })
    await dataSource.manager.insert(Thing, [
      { id: 1, name: 'a' },
      { id: 2, name: 'b' },
    ])
    await forgetTruth(dataSource)
    trail.take()
  })

  const compared = async () => {
    const expected = expectedOf(dataSource, await notedIn(dataSource), isAudited)
    expect(expected.length).toBeGreaterThan(WRITERS)
    expect(lines(toldBy(trail.take()))).toEqual(lines(expected))
  }

  it(`${WRITERS} writers at the same time end, and the trail is what the triggers noted`, async () => {
    const { manager } = dataSource
    const write = (n: number): Promise<unknown> => {
      switch (n % 7) {
        case 0:
          return manager.increment(Thing, { id: 1 }, 'count', 1)
        case 1:
          return manager.update(Thing, 2, { total: String(n) })
        case 2:
          return manager.insert(Pair, { left: 'p', right: n, note: 'n' })
        case 3:
          return manager.save([
            Object.assign(new Part(), { name: `${n}` }),
            Object.assign(new Part(), { name: `${n}+` }),
          ])
        case 4:
          return manager.delete(Pair, { left: 'p', right: n - 2 })
        case 5:
          return manager
            .createQueryBuilder()
            .update(Thing)
            .set({ hidden: `h${n}` })
            .where('id = 2')
            .execute()
        default:
          return manager.transaction(async (inner) => {
            await inner.update(Thing, 1, { hidden: `h${n}` })
            await inner.insert(Pair, { left: 't', right: n })
            await inner.save(Part, { name: 'in a transaction' })
          })
      }
    }
    await Promise.all(Array.from({ length: WRITERS }, (_, n) => write(n)))
    await compared()
  })

  it(`${WRITERS} upserts of the same rows at the same time tell which of them inserted`, async () => {
    const write = (n: number) =>
      dataSource.manager.upsert(Pair, { left: 'u', right: n % 5, note: `${n}` }, ['left', 'right'])
    const outcomes = await Promise.allSettled(Array.from({ length: WRITERS }, (_, n) => write(n)))
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([])
    const events = trail.take()
    expect(events.filter(({ action }) => action === 'OBJ_CREATE')).toHaveLength(5)
    expect(new Set(events.map(({ action }) => action))).toEqual(new Set(['OBJ_CREATE', 'OBJ_UPDATE']))
  })

  it('long transactions that hold all connections do not keep the writes in them waiting', async () => {
    let inside = 0
    let open: () => void = () => undefined
    const all = new Promise<void>((resolve) => {
      open = resolve
    })
    const long = (n: number) =>
      dataSource.transaction(async (manager) => {
        inside += 1
        if (inside === 4) open()
        await all
        const part = await manager.save(Part, { name: `part ${n}` })
        await manager.upsert(Pair, { left: 'l', right: n, note: 'n' }, ['left', 'right'])
        await manager.update(Pair, { left: 'l', right: n }, { note: 'm' })
        // By its key: MariaDB locks all that it looks through.
        await manager.delete(Part, part.id)
      })
    await Promise.all([1, 2, 3, 4].map(long))
    expect(trail.take()).toHaveLength(16)
  })
})
