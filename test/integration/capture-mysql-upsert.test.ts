import 'reflect-metadata'
import { Column, Entity, PrimaryColumn } from 'typeorm'
import { expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { auditedSources } from '../support/audited-source'

@Entity()
@AuditUpdateDelete
class Person {
  @PrimaryColumn({ type: 'varchar', length: 40 }) id!: string
  @Column({ type: 'varchar', length: 40, unique: true, nullable: true }) email!: string | null
  @Column({ type: 'int' }) n!: number
}
const open = auditedSources<'mariadb'>([Person])

it('MariaDB: an upsert by a key in another spelling is an update', async () => {
  const { manager, trail } = await open('mariadb')
  await manager.insert(Person, { id: 'ada@example.org', n: 1 })
  trail.take()
  await manager.upsert(Person, { id: 'Ada@Example.org', n: 2 }, ['id'])
  expect(trail.one()).toMatchObject({
    action: 'OBJ_UPDATE',
    instance: { pk: 'ada@example.org' },
    changes: { id: { from: 'ada@example.org', to: 'Ada@Example.org' }, n: { from: 1, to: 2 } },
  })
})
it('MariaDB: an upsert tells for each row whether it was there, also where it changes the key', async () => {
  const { manager, trail } = await open('mariadb')
  await manager.insert(Person, [
    { id: 'a', email: 'x@y', n: 1 },
    { id: 'c', email: 'c@y', n: 1 },
  ])
  trail.take()
  const result = await manager.upsert(
    Person,
    [
      { id: 'b', email: 'x@y', n: 2 },
      { id: 'a', email: 'new@y', n: 3 },
      { id: 'c', email: 'c@y', n: 1 },
      { id: 'a', email: 'new@y', n: 4 },
      { id: 'd', email: 'd@y', n: 5 },
    ],
    ['email'],
  )
  const told = trail.take().map(({ action, instance, changes }) => [action, instance?.pk, changes])
  const [was, is] = [(from: unknown, to: unknown) => ({ from, to }), (to: unknown) => ({ to })]
  expect(told).toEqual([
    ['OBJ_UPDATE', 'a', { id: was('a', 'b'), n: was(1, 2) }],
    ['OBJ_CREATE', 'a', { id: is('a'), email: is('new@y'), n: is(3) }],
    ['OBJ_UPDATE', 'a', { n: was(3, 4) }],
    ['OBJ_CREATE', 'd', { id: is('d'), email: is('d@y'), n: is(5) }],
  ])
  expect(result.raw).toMatchObject({ affectedRows: 2 + 1 + 1 + 2 + 1 })
})
it('MariaDB: nothing is told of a row that another transaction wrote before, and that the upsert left so', async () => {
  const { dataSource, manager, trail } = await open('mariadb')
  await manager.insert(Person, { id: 'a', n: 1 })
  trail.take()
  const beforeQuery = ({ query }: { query: string }) =>
    query.startsWith('INSERT') ? dataSource.createQueryRunner().query('UPDATE person SET n = 2') : undefined
  dataSource.subscribers.push({ beforeQuery } as never)
  await manager.upsert(Person, { id: 'a', n: 2 }, ['id'])
  expect(trail.take()).toEqual([])
  await manager.upsert(Person, { id: 'a', n: 3 }, ['id'])
  expect(trail.one().changes).toEqual({ n: { from: 2, to: 3 } })
})
