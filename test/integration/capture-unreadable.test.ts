import 'reflect-metadata'
import { randomBytes } from 'node:crypto'
import { Column, DataSource, type DataSourceOptions, Entity, type EntityManager, PrimaryColumn } from 'typeorm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { createDatabase } from '../support/shared'
import { Trail } from '../unit/capture/support'

@Entity()
@AuditUpdateDelete
class Door {
  @PrimaryColumn() id!: number
  @Column() name!: string
  @Column({ type: 'varchar', nullable: true, select: false }) code!: string | null
}

const writes: [string, (manager: EntityManager) => Promise<unknown>][] = [
  ['save() of a new row', (manager) => manager.save(Door, { id: 3, name: 'c', code: 'x' })],
  ['save() of a changed row', (manager) => manager.save(Door, { id: 1, name: 'changed' })],
  ['insert()', (manager) => manager.insert(Door, { id: 3, name: 'c', code: 'x' })],
  ['update()', (manager) => manager.update(Door, { id: 1 }, { code: 'new' })],
  ['delete()', (manager) => manager.delete(Door, { id: 1 })],
  ['remove()', async (manager) => manager.remove(await manager.findOneByOrFail(Door, { id: 1 }))],
]

describe('a table of which PostgreSQL does not let a column be read', () => {
  let owner: DataSource
  let restricted: DataSource
  let trail: Trail
  const role = `writer_${randomBytes(4).toString('hex')}`

  beforeEach(async () => {
    const database = (await createDatabase('postgres')) as DataSourceOptions
    owner = await new DataSource({ ...database, entities: [Door], synchronize: true } as never).initialize()
    await owner.query(`CREATE ROLE ${role} LOGIN`)
    await owner.query(`GRANT INSERT, UPDATE, DELETE, SELECT (id, name) ON door TO ${role}`)
    await owner.manager.insert(Door, [
      { id: 1, name: 'a', code: '1' },
      { id: 2, name: 'b', code: '2' },
    ])
    restricted = new DataSource({ ...database, username: role, entities: [Door] } as never)
    trail = new Trail()
    trail.attach(restricted)
    await restricted.initialize()
  })
  afterEach(async () => {
    await restricted.destroy()
    await owner.query(`DROP OWNED BY ${role}`)
    await owner.query(`DROP ROLE ${role}`)
    await owner.destroy()
  })

  it.each(writes)('%s succeeds all the same, and its event says what it lacks', async (_, write) => {
    await write(restricted.manager)
    expect(trail.one().coverage).toBe('partial')
  })

  it.each(writes)('%s succeeds in a transaction of the application', async (_, write) => {
    await restricted.transaction(async (manager) => {
      await write(manager)
      await manager.update(Door, { id: 2 }, { name: 'afterwards' })
    })
    expect(await owner.manager.findOneBy(Door, { id: 2 })).toMatchObject({ name: 'afterwards' })
    expect(trail.take().map(({ coverage }) => coverage)).toEqual(['partial', 'partial'])
  })
})
