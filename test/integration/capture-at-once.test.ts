import 'reflect-metadata'
import { Check, Column, type DataSource, Entity, type EntityManager, ManyToOne, PrimaryColumn } from 'typeorm'
import { describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { twinDatabases } from '../support/twin-databases'

@Entity()
@AuditUpdateDelete
@Check('n < 10')
class Bill {
  @PrimaryColumn('int') id!: number
  @Column('int', { default: 0 }) n!: number
}
@Entity()
@AuditUpdateDelete
class Item {
  @PrimaryColumn('int') id!: number
  @ManyToOne(() => Bill) bill!: Bill | null
}
/** Not audited. */
@Entity()
class Visit {
  @PrimaryColumn('int') id!: number
  @ManyToOne(() => Bill) bill!: Bill | null
}

const start = twinDatabases()
const open = (strict = false) => start([Bill, Item, Visit], { settings: { models: 'decorated', strict } })

const state = (source: DataSource) =>
  source.query('SELECT (SELECT count(*) FROM bill) AS bills, (SELECT count(*) FROM visit) AS visits')

describe('writes of one transaction that are sent at once are made in the order in which they were sent', () => {
  it.each<[string, (manager: EntityManager) => Promise<unknown>[]]>([
    [
      'the first insert of one entity before that of another, which refers to it',
      (manager) => [manager.insert(Bill, { id: 2 }), manager.insert(Item, { id: 2, bill: { id: 2 } })],
    ],
    [
      'the first insert of an audited entity before that of one that is not',
      (manager) => [manager.insert(Bill, { id: 2 }), manager.insert(Visit, { id: 2, bill: { id: 2 } })],
    ],
    [
      'an upsert before an insert that refers to it',
      (manager) => [manager.upsert(Bill, { id: 2 }, ['id']), manager.insert(Visit, { id: 2, bill: { id: 2 } })],
    ],
  ])('%s', async (_, writes) => {
    const { both } = await open()
    const { plain, audited } = await both(async (source) => {
      // Of this table the catalogue is asked then.
      await source.manager.insert(Item, { id: 1, bill: null })
      await source.transaction((manager) => Promise.all(writes(manager)))
      return state(source)
    })
    expect(audited).toEqual(plain)
  })
})

describe('the transaction that capture puts around a write holds nothing of other writes', () => {
  it.each<[string, boolean, (manager: EntityManager) => Promise<unknown>[]]>([
    [
      'that are sent while an upsert fails',
      false,
      (manager) => [
        manager.upsert(
          Bill,
          Array.from({ length: 3000 }, (_, id) => ({ id, n: id === 2999 ? 99 : 1 })),
          ['id'],
        ),
        // Long enough after it for it to have begun.
        new Promise((resolve) => setTimeout(resolve, 20)).then(() => manager.insert(Visit, { id: 1 })),
      ],
    ],
    [
      'that are sent while one fails under strict',
      true,
      (manager) => [
        manager.insert(Bill, { id: 1 }),
        manager.insert(Bill, { id: 2 }),
        manager.insert(Bill, { id: 3, n: 99 }),
      ],
    ],
  ])('%s', async (_, strict, writes) => {
    const { both } = await open(strict)
    const { plain, audited } = await both(async (source) => {
      const runner = source.createQueryRunner()
      const outcomes = await Promise.allSettled(writes(runner.manager))
      await runner.release()
      return [outcomes.map(({ status }) => status), await state(source)]
    })
    expect(audited).toEqual(plain)
  })
})
