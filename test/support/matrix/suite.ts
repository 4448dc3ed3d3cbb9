import type { DataSource, EntityMetadata } from 'typeorm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { decorationOf } from '../../../src/capture/decorator'
import type { Trail } from '../../unit/capture/support'
import { emptied } from './emptied'
import { Part } from './entities'
import { expectedOf, lines, toldBy } from './expected'
import { PATHS, seed } from './paths'
import { DRIVERS, openTarget } from './targets'
import { forgetTruth, notedIn } from './truth'

export const isAudited = ({ target, tableType }: EntityMetadata) =>
  tableType !== 'view' && decorationOf(target) !== undefined

/** Declares the matrix of one TypeORM line: every write path on every driver. */
export function describeMatrix(version: string): void {
  describe.each([...DRIVERS])(`%s, TypeORM ${version}: the trail is what the database's triggers noted`, (driver) => {
    let dataSource: DataSource
    let trail: Trail

    beforeAll(async () => {
      ;({ dataSource, trail } = await openTarget(driver))
    })
    afterAll(() => dataSource?.destroy())
    beforeEach(async () => {
      await emptied(dataSource)
      await seed(dataSource)
      await forgetTruth(dataSource)
      trail.take()
    })

    it.each(PATHS.filter(({ lacking }) => lacking?.(driver) !== true))('$name', async ({ run }) => {
      await run(dataSource)
      const events = trail.take()
      const expected = expectedOf(dataSource, await notedIn(dataSource), isAudited)
      expect(lines(toldBy(events))).toEqual(lines(expected))
      expect(events.flatMap((event) => event.coverage_reason ?? [])).toEqual([])
    })

    // TRUNCATE fires no row triggers, so the truth is what was there.
    it.each(['EntityManager', 'Repository', 'BaseEntity'])('clear by %s', async (face) => {
      Part.useDataSource(dataSource)
      const clear = () => {
        if (face === 'EntityManager') return dataSource.manager.clear(Part)
        return face === 'Repository' ? dataSource.getRepository(Part).clear() : Part.clear()
      }
      await clear()
      await clear()
      expect(trail.take()).toMatchObject([
        { action: 'OBJ_DELETE', instance: { model: 'Part', table: 'part' }, content: { cleared: true, rows: 2 } },
      ])
    })
  })
}
