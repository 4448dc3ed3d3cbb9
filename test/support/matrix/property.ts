import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AuditEvent } from '../../../src/event/event'
import { emptied } from './emptied'
import { expectedOf, line, lines, type Told, toldBy } from './expected'
import { play, prepare, steps } from './random'
import { isAudited } from './suite'
import { DRIVERS, openTarget } from './targets'
import { forgetTruth, notedIn } from './truth'

const RUNS = Number(process.env.CAPTURE_RUNS ?? 60)
/** CI repeats the same runs, so that what fails there is what the change broke; new seeds are for developers. */
const SEED = Number(process.env.CAPTURE_SEED ?? (process.env.CI ? 20_261_121 : Date.now() % 1_000_000_000))

/** Declares the property of one TypeORM line, on every driver. */
export function describeProperty(version: string): void {
  const how = `TypeORM ${version}: ${RUNS} random runs, repeat with CAPTURE_SEED=${SEED}`
  describe.each([...DRIVERS])(`%s, ${how}`, (driver) => {
    it('writes, nested transactions, savepoints and rollbacks leave the trail that the triggers noted', async () => {
      const { dataSource, trail } = await openTarget(driver)
      console.log(`${driver}, TypeORM ${version}: CAPTURE_SEED=${SEED} CAPTURE_RUNS=${RUNS}`)
      let seen = 0
      try {
        await fc.assert(
          fc.asyncProperty(steps, async (list) => {
            await emptied(dataSource)
            await prepare(dataSource)
            await forgetTruth(dataSource)
            trail.take()
            await play(dataSource.manager, list)
            const events = trail.take()
            const told = toldBy(events)
            seen += told.length
            const expected = expectedOf(dataSource, await notedIn(dataSource), isAudited)
            expect(lines(told)).toEqual(lines(expected))
            expect(byRow(told)).toEqual(byRow(expected))
            expect(wronglyNumbered(events)).toEqual([])
            expect(events.flatMap((event) => event.coverage_reason ?? [])).toEqual([])
          }),
          { numRuns: RUNS, seed: SEED },
        )
        // Else the runs would show nothing.
        expect(seen).toBeGreaterThan(RUNS)
      } finally {
        await dataSource.destroy()
      }
    })
  })
}

/** The changes of each row in the order in which they were made; a link is a row of its own. */
function byRow(told: readonly Told[]): Record<string, string[]> {
  const rows: Record<string, string[]> = {}
  for (const one of told) {
    const linked = Object.entries(one.changes).find(
      ([, change]) => 'added' in (change as object) || 'removed' in (change as object),
    )
    const link =
      linked === undefined
        ? ''
        : ` ${linked[0]} ${Object.values(linked[1] as object)
            .flat()
            .join()}`
    const key = `${one.table} ${one.pk}${link}`
    rows[key] = [...(rows[key] ?? []), line(one)]
  }
  return rows
}

/** Events of one transaction are numbered from 1 on in their order. */
function wronglyNumbered(events: readonly AuditEvent[]): AuditEvent[] {
  const last = new Map<string, number>()
  return events.filter(({ transaction }) => {
    if (transaction === undefined) return false
    const before = last.get(transaction.id) ?? 0
    last.set(transaction.id, transaction.n)
    return transaction.n !== before + 1
  })
}
