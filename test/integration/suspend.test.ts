import 'reflect-metadata'
import { Column, DataSource, Entity, PrimaryGeneratedColumn } from 'typeorm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { TestAuditLogger } from '../../src/testing'
import { createDatabase } from '../support/shared'

@Entity()
@AuditUpdateDelete
class Row {
  @PrimaryGeneratedColumn() id!: number
  @Column() n!: number
}

describe.each(['postgres', 'mariadb'] as const)('a suspension in %s', (kind) => {
  let dataSource: DataSource
  const audit = new TestAuditLogger()

  beforeAll(async () => {
    const database = await createDatabase(kind)
    // Two connections for everybody, so that each is handed from one caller to another all the time.
    const pool = kind === 'postgres' ? { poolSize: 2 } : { extra: { connectionLimit: 2 } }
    dataSource = new DataSource({ ...database, ...pool, entities: [Row], synchronize: true } as never)
    audit.attach(dataSource)
    await dataSource.initialize()
  })
  afterAll(async () => {
    await audit.close()
    await dataSource.destroy()
  })

  it('concerns what it runs and nothing else, over a pool that both share', async () => {
    const { manager } = dataSource
    const write = (n: number) =>
      dataSource.transaction(async (inner) => {
        const row = await inner.save(Row, { n })
        await inner.update(Row, row.id, { n: n + 1_000 })
      })
    const numbers = Array.from({ length: 40 }, (_, n) => n)
    await Promise.all(
      numbers.map((n) => (n % 2 === 0 ? write(n) : audit.suspend(() => write(n), { reason: `import ${n}` }))),
    )
    expect(await manager.count(Row)).toBe(40)
    const created = audit.events.filter(({ action }) => action === 'OBJ_CREATE')
    const told = created.map(({ changes }) => changes?.n).sort((a, b) => toOf(a) - toOf(b))
    expect(told).toEqual(numbers.filter((n) => n % 2 === 0).map((n) => ({ to: n })))
    const suspensions = audit.events.filter(({ action }) => action === 'AUDIT_SUSPENDED')
    expect(suspensions.map(({ content }) => content?.suspended)).toEqual(Array(20).fill(2))
  })
})

function toOf(change: unknown): number {
  return (change as { to: number }).to
}
