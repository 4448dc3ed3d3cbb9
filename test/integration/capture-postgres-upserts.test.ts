import 'reflect-metadata'
import { Column, Entity, PrimaryColumn } from 'typeorm'
import { expect, it } from 'vitest'
import { twinDatabases } from '../support/twin-databases'
import { summary } from '../unit/capture/support'

@Entity()
class Doc {
  @PrimaryColumn('int') id!: number
  @Column('jsonb') data!: unknown
}
@Entity()
class Person {
  @PrimaryColumn('int') id!: number
  @Column('text', { unique: true }) email!: string
}
@Entity()
class Account {
  @PrimaryColumn('citext') email!: string
  @Column('text') name!: string
}

const start = twinDatabases()

it.each(['update', 'upsert'] as const)(
  '%s(): a number in a document that JavaScript has not is a change',
  async (how) => {
    const { audited, trail } = await start([Doc])
    await audited.query(`INSERT INTO doc VALUES (1, '{"serial": 9007199254740993}')`)
    const data = { serial: 9007199254740992 }
    if (how === 'update') await audited.manager.update(Doc, 1, { data })
    else await audited.manager.upsert(Doc, { id: 1, data }, ['id'])
    expect(trail.take()).toHaveLength(1)
  },
)

it('a row that is given the key which another row had is told of as itself', async () => {
  const { audited, trail } = await start([Person])
  await audited.manager.insert(Person, [
    { id: 3, email: 'a' },
    { id: 4, email: 'b' },
  ])
  trail.take()
  const given = [
    { id: 5, email: 'a' },
    { id: 3, email: 'b' },
    { id: 4, email: 'c' },
  ]
  await audited.manager.upsert(Person, given, ['email'])
  expect(await audited.query('SELECT * FROM person ORDER BY email')).toEqual(given)
  expect(summary(trail.take()).split('\n')).toEqual([
    'OBJ_UPDATE Person 3 {"id":{"from":3,"to":5}}',
    'OBJ_UPDATE Person 4 {"id":{"from":4,"to":3}}',
    'OBJ_CREATE Person 4 {"id":{"to":4},"email":{"to":"c"}}',
  ])
})

it('a row that is found by another spelling of its key has its old values', async () => {
  const { audited, trail } = await start([Account])
  await audited.manager.insert(Account, { email: 'Ann@x.org', name: 'a' })
  trail.take()
  await audited.manager.upsert(Account, { email: 'ann@X.org', name: 'b' }, ['email'])
  expect(summary(trail.take())).toBe(
    'OBJ_UPDATE Account Ann@x.org {"email":{"from":"Ann@x.org","to":"ann@X.org"},"name":{"from":"a","to":"b"}}',
  )
})
