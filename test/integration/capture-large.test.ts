import 'reflect-metadata'
import { Column, DataSource, type DataSourceOptions, Entity, PrimaryColumn } from 'typeorm'
import { afterEach, describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import type { DatabaseKind } from '../support/database-server'
import { createDatabase } from '../support/shared'
import { sqljs, Trail } from '../unit/capture/support'

@Entity({ name: 'large_row' })
@AuditUpdateDelete
class LargeRow {
  @PrimaryColumn({ type: 'int' })
  id!: number

  @Column({ type: 'int' })
  state!: number

  @Column({ type: 'varchar', nullable: true })
  text!: string | null
}

const ROWS = 4_500
let dataSource: DataSource | undefined

afterEach(() => dataSource?.destroy())

async function target(kind: DatabaseKind | 'sqljs', settings: object = {}) {
  const made =
    kind === 'sqljs'
      ? await sqljs([LargeRow])
      : await new DataSource({
          ...(await createDatabase(kind)),
          entities: [LargeRow],
          synchronize: true,
        } as DataSourceOptions).initialize()
  dataSource = made
  const rows = Array.from({ length: ROWS }, (_, id) => `(${id}, ${id % 2}, ${id === 7 ? "'seven'" : 'NULL'})`)
  await made.query(`INSERT INTO large_row (id, state, text) VALUES ${rows.join(', ')}`)
  const trail = new Trail(settings)
  trail.attach(made)
  return { manager: made.manager, trail }
}

describe.each(['postgres', 'mariadb', 'sqljs'] as const)('%s: a write of more rows than are held', (kind) => {
  it.each([
    ['alone', false, false],
    ['alone, strict', true, false],
    ['in a transaction', false, true],
  ] as const)('%s yields each of them, exactly', async (_, strict, transaction) => {
    const { manager, trail } = await target(kind, { strict })
    const write = (on: typeof manager) => on.update(LargeRow, { text: '' as never }, { state: 0 })
    expect((await write(manager)).affected).toBe(0)
    const update = (on: typeof manager) =>
      on
        .createQueryBuilder()
        .update(LargeRow)
        .set({ state: () => 'state + id % 2' })
        .where('id >= 0')
        .execute()
    const { affected } = await (transaction ? manager.transaction(update) : update(manager))
    expect(affected).toBe(ROWS)
    const events = trail.take()
    // Every other row stays as it is.
    expect(events).toHaveLength(Math.floor(ROWS / 2))
    const keys = new Set(events.map(({ instance }) => instance?.pk))
    expect(keys.size).toBe(events.length)
    for (const { changes, coverage } of events) {
      expect([changes, coverage]).toEqual([{ state: { from: 1, to: 2 } }, undefined])
    }
    // The second time on the same connection, and a delete.
    await update(manager)
    expect(trail.take()).toHaveLength(Math.floor(ROWS / 2))
    const deleted = await manager.createQueryBuilder().delete().from(LargeRow).where('id >= 0').execute()
    expect(deleted.affected).toBe(ROWS)
    expect(trail.take()).toHaveLength(ROWS)
  })

  it('yields nothing when it is rolled back', async () => {
    const { manager, trail } = await target(kind)
    const rolledBack = manager.transaction(async (inner) => {
      await inner.createQueryBuilder().update(LargeRow).set({ state: 9 }).where('id >= 0').execute()
      throw new Error('back')
    })
    await expect(rolledBack).rejects.toThrow('back')
    expect(trail.take()).toEqual([])
    await expect(
      manager.createQueryBuilder().update(LargeRow).set({ id: 1 }).where('id >= 0').execute(),
    ).rejects.toThrow()
    expect(trail.take()).toEqual([])
    expect(await manager.countBy(LargeRow, { state: 9 })).toBe(0)
  })
})
