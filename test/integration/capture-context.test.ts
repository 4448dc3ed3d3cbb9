import 'reflect-metadata'
import { Column, DataSource, Entity, PrimaryColumn } from 'typeorm'
import { expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { runWithContext } from '../../src/context/context'
import { createDatabase } from '../support/shared'
import { Trail } from '../unit/capture/support'

@Entity()
@AuditUpdateDelete
class Entry {
  @PrimaryColumn() id!: number
  @Column() writer!: string
  @Column({ default: 0 }) n!: number
}

const WRITERS = Array.from({ length: 30 }, (_, n) => `writer-${n}`)

// Rows are read in callbacks of the driver, and those run in the context in which its connection was opened.
it.for(['postgres', 'mariadb'] as const)(
  '%s: every event has the actor of the context that wrote, over a pool that others opened',
  async (kind) => {
    const pool = kind === 'postgres' ? { poolSize: 2 } : { extra: { connectionLimit: 2 } }
    const dataSource = new DataSource({
      ...((await createDatabase(kind)) as object),
      ...pool,
      entities: [Entry],
      synchronize: true,
    } as never)
    const trail = new Trail()
    trail.attach(dataSource)
    await dataSource.initialize()
    try {
      const { manager } = dataSource
      await Promise.all(
        WRITERS.map((user, id) =>
          runWithContext({ user, entryPoint: 'job' }, async () => {
            await manager.save(Entry, { id, writer: user })
            await manager.insert(Entry, { id: id + 1_000, writer: user })
            await manager.update(Entry, { writer: user }, { n: 1 })
            await manager.upsert(Entry, { id, writer: user, n: 2 }, ['id'])
            await manager.delete(Entry, { writer: user })
          }),
        ),
      )
      const events = trail.take()
      expect(events).toHaveLength(WRITERS.length * 7)
      for (const { user, changes, action } of events) {
        const side = action === 'OBJ_DELETE' ? 'from' : 'to'
        const writer = (changes?.writer as { from?: string; to?: string } | undefined)?.[side]
        if (writer !== undefined) expect(user?.pk).toBe(writer)
      }
      const perWriter = new Map<string | undefined, number>()
      for (const { user } of events) perWriter.set(user?.pk, (perWriter.get(user?.pk) ?? 0) + 1)
      expect([...perWriter].sort()).toEqual(WRITERS.map((writer) => [writer, 7]).sort())
    } finally {
      await dataSource.destroy()
    }
  },
)
