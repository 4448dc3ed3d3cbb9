import type { DataSource, EntityMetadata } from 'typeorm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { decorationOf } from '../../../src/capture/decorator'
import type { Trail } from '../../unit/capture/support'
import { PATHS, seed } from './paths'
import { DRIVERS, openTarget } from './targets'
import { forgetTruth, lines, trailOf, truthOf } from './truth'

const isAudited = ({ target }: EntityMetadata) => decorationOf(target) !== undefined

/** Declares the matrix of one TypeORM line: every write path on every driver. */
export function describeMatrix(version: string): void {
  for (const driver of DRIVERS) {
    describe(`${driver}, TypeORM ${version}: the trail is what the database's triggers noted`, () => {
      let dataSource: DataSource
      let trail: Trail

      beforeAll(async () => {
        ;({ dataSource, trail } = await openTarget(driver))
      })
      afterAll(() => dataSource.destroy())
      beforeEach(async () => {
        await empty(dataSource)
        await seed(dataSource)
        await forgetTruth(dataSource)
        trail.take()
      })

      it.each(PATHS)('$name', async ({ run }) => {
        await run(dataSource)
        const events = trail.take()
        const truth = await truthOf(dataSource, isAudited)
        // Masked and transformed columns are shown in another form than they are stored in.
        const plain = (text: string) => text.replace(/hidden:\S+/, 'hidden').replace(/flipped:\S+/, 'flipped')
        expect(lines(trailOf(events)).map(plain)).toEqual(lines(truth).map(plain))
        expect(events.flatMap((event) => event.coverage_reason ?? [])).toEqual([])
      })
    })
  }
}

/** Empties every table and begins numbering anew, without the triggers noticing what matters. */
async function empty(dataSource: DataSource): Promise<void> {
  const tables = [...new Set(dataSource.entityMetadatas.map((metadata) => metadata.tableName))].map((name) =>
    dataSource.driver.escape(name),
  )
  switch (dataSource.options.type) {
    case 'postgres':
      await dataSource.query(`TRUNCATE ${tables.join(', ')} RESTART IDENTITY CASCADE`)
      return
    case 'mariadb':
      await dataSource.transaction(async ({ queryRunner }) => {
        await queryRunner?.query('SET FOREIGN_KEY_CHECKS = 0')
        for (const table of tables) await queryRunner?.query(`TRUNCATE ${table}`)
        await queryRunner?.query('SET FOREIGN_KEY_CHECKS = 1')
      })
      return
    default:
      await dataSource.query('PRAGMA foreign_keys = OFF')
      for (const table of tables) await dataSource.query(`DELETE FROM ${table}`)
      await dataSource.query('DELETE FROM sqlite_sequence')
      await dataSource.query('PRAGMA foreign_keys = ON')
  }
}
