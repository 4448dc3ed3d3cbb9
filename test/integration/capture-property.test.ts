import fc from 'fast-check'
import type { DataSource, EntityManager } from 'typeorm'
import { describe, expect, it } from 'vitest'
import { Owner, Pair, Thing } from '../support/matrix/entities'
import { DRIVERS, openTarget } from '../support/matrix/targets'
import { type Change, forgetTruth, line, lines, trailOf, truthOf } from '../support/matrix/truth'

type Step =
  | { do: 'write'; kind: number; key: number; value: number }
  | { do: 'nested'; steps: Step[]; ends: 'commit' | 'roll back' }

const step = fc.letrec<{ step: Step }>((tie) => ({
  step: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({
      do: fc.constant('write' as const),
      kind: fc.nat(11),
      key: fc.integer({ min: 1, max: 4 }),
      value: fc.integer({ min: 0, max: 3 }),
    }),
    fc.record({
      do: fc.constant('nested' as const),
      steps: fc.array(tie('step'), { minLength: 1, maxLength: 4 }),
      ends: fc.constantFrom('commit' as const, 'roll back' as const),
    }),
  ),
})).step

async function write(manager: EntityManager, kind: number, key: number, value: number): Promise<unknown> {
  const note = value === 0 ? null : `n${value}`
  switch (kind) {
    case 0:
      return manager.save(Pair, { left: 'k', right: key, note })
    case 1:
      return manager.upsert(
        Pair,
        [
          { left: 'k', right: key, note },
          { left: 'k', right: key + 1, note },
        ],
        ['left', 'right'],
      )
    case 2:
      return manager.update(Pair, { left: 'k' }, { note })
    case 3:
      return manager.delete(Pair, { right: key })
    case 4:
      return manager
        .createQueryBuilder()
        .insert()
        .into(Pair)
        .values({ left: 'k', right: key, note })
        .orIgnore()
        .updateEntity(false)
        .execute()
    case 5:
      return manager.increment(Thing, { name: `thing ${key}` }, 'count', value)
    case 6:
      return manager.update(Thing, { count: value }, { total: key })
    case 7:
      return manager.softDelete(Thing, { name: `thing ${key}` })
    case 8:
      return manager.restore(Thing, { name: `thing ${key}` })
    case 9:
      return change(manager, key, { count: value, owner: value === 0 ? null : ({ id: 1 } as Owner) })
    case 10:
      return change(manager, key, { count: value }, { listeners: false })
    default:
      return manager.remove(await manager.findBy(Pair, { right: key }))
  }
}

/** save() of a part of a row that is there. */
async function change(manager: EntityManager, key: number, fields: Partial<Thing>, options: object = {}) {
  const found = await manager.findOneBy(Thing, { name: `thing ${key}` })
  return found && manager.save(Thing, { id: found.id, ...fields }, options)
}

async function play(manager: EntityManager, steps: readonly Step[]): Promise<void> {
  for (const one of steps) {
    if (one.do === 'write') await write(manager, one.kind, one.key, one.value)
    else {
      const rollBack = new Error('rolled back on purpose')
      await manager
        .transaction(async (inner) => {
          await play(inner, one.steps)
          if (one.ends === 'roll back') throw rollBack
        })
        .catch((error: unknown) => {
          if (error !== rollBack) throw error
        })
    }
  }
}

describe.each([...DRIVERS])('%s: random writes, transactions, savepoints and rollbacks', (driver) => {
  it('leave the trail that the triggers noted, in order within a row', async () => {
    const { dataSource, trail } = await openTarget(driver)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        await reset(dataSource)
        trail.take()
        await play(dataSource.manager, steps)
        const told = trailOf(trail.take())
        const truth = await truthOf(dataSource, () => true)
        expect(lines(told)).toEqual(lines(truth))
        expect(byRow(told)).toEqual(byRow(truth))
      }),
      { numRuns: 40 },
    )
    await dataSource.destroy()
  })
})

async function reset(dataSource: DataSource): Promise<void> {
  const { manager } = dataSource
  await manager.createQueryBuilder().delete().from(Pair).execute()
  await manager.createQueryBuilder().delete().from(Thing).execute()
  await manager.save(Owner, { id: 1, name: 'Ada' })
  await manager.insert(
    Thing,
    [1, 2, 3, 4].map((id) => ({ name: `thing ${id}` })),
  )
  await forgetTruth(dataSource)
}

/** The changes of each row in the order in which they were made. */
function byRow(changes: readonly Change[]): Record<string, string[]> {
  const rows: Record<string, string[]> = {}
  for (const change of changes) {
    const key = `${change.table} ${change.pk}`
    rows[key] = [...(rows[key] ?? []), line(change)]
  }
  return rows
}
