import 'reflect-metadata'
import { Column, Entity, PrimaryColumn } from 'typeorm'
import { expect, it, vi } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { auditedSources } from '../support/audited-source'
import { summary } from '../unit/capture/support'

vi.mock('typeorm', async () => await vi.importActual('typeorm-0.3'))

@Entity()
@AuditUpdateDelete
class Stock {
  @PrimaryColumn({ type: 'integer' }) id!: number
  @Column({ type: 'integer' }) count!: number
}

/** Deprecated in 0.3, and gone from 1.x. */
interface OldInsert {
  onConflict(statement: string): { execute(): Promise<unknown> }
}

const open = auditedSources<'postgres' | 'sqljs'>([Stock])

it.each(['postgres', 'sqljs'] as const)('insert().onConflict(), %s: an update of what was there', async (driver) => {
  const { manager, trail } = await open(driver)
  await manager.insert(Stock, { id: 1, count: 1 })
  trail.take()
  const values = [1, 2].map((id) => ({ id, count: 5 }))
  const insert = (conflict: string) =>
    (manager.createQueryBuilder().insert().into(Stock).values(values) as unknown as OldInsert)
      .onConflict(conflict)
      .execute()
  await insert('("id") DO UPDATE SET "count" = 7')
  await insert('("id") DO NOTHING')
  expect(summary(trail.take()).split('\n')).toEqual([
    'OBJ_UPDATE Stock 1 {"count":{"from":1,"to":7}}',
    'OBJ_CREATE Stock 2 {"id":{"to":2},"count":{"to":5}}',
  ])
})
