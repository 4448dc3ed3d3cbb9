import 'reflect-metadata'
import { Column, DataSource, type DataSourceOptions, Entity, Index, PrimaryColumn } from 'typeorm'
import { expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { emptyDatabase } from '../support/matrix/targets'
import { Trail } from '../unit/capture/support'

@Entity()
@AuditUpdateDelete
class Ticket {
  @PrimaryColumn({ type: 'int' }) id!: number
  @Index() @Column({ type: 'int' }) level!: number
}

const WRITERS = 50
const TICKETS = 200

it.each(['mariadb', 'mysql'] as const)(
  'statements of 50 writers over a pool of 4, each of its own, do not deadlock for capture, and have their events once, %s',
  async (driver) => {
    const given = { ...(await emptyDatabase(driver)), entities: [Ticket], synchronize: true }
    const dataSource = await new DataSource({
      ...given,
      extra: { connectionLimit: 4 },
    } as unknown as DataSourceOptions).initialize()
    const tickets = Array.from({ length: TICKETS }, (_, id) => ({ id, level: id % 10 }))
    await dataSource.manager.insert(Ticket, tickets)
    const trail = new Trail()
    trail.attach(dataSource)
    const write = async (number: number) => {
      for (let turn = 0; turn < 12; turn += 1) {
        const update = dataSource
          .createQueryBuilder()
          .update(Ticket)
          .set({ level: () => 'level + 1' })
        await update.where('level > :a AND level < :b', { a: number % 5, b: 5 + (turn % 5) }).execute()
      }
    }
    await Promise.all(Array.from({ length: WRITERS }, (_, number) => write(number)))
    const found = await dataSource.manager.find(Ticket, { order: { id: 'ASC' } })
    await dataSource.destroy()
    const levels = tickets.map(({ level }) => level)
    for (const { instance, changes } of trail.take()) {
      const id = Number(instance?.pk)
      const from = levels[id] as number
      expect(changes).toEqual({ level: { from, to: from + 1 } })
      levels[id] = from + 1
    }
    expect(levels).toEqual(found.map(({ level }) => level))
  },
)
