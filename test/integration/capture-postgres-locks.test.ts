import 'reflect-metadata'
import { Column, type DataSource, Entity, type EntityManager, Index, ManyToOne, PrimaryColumn } from 'typeorm'
import { describe, expect, it } from 'vitest'
import { twinDatabases } from '../support/twin-databases'
import { waitFor } from '../support/wait-for'

@Entity()
class Member {
  @PrimaryColumn('int') id!: number
  @Column('text', { unique: true }) email!: string
  @Column('int', { default: 0 }) posts!: number
}
@Entity()
class Post {
  @PrimaryColumn('int') id!: number
  @ManyToOne(() => Member) author!: Member
}
@Entity()
@Index(['name'], { unique: true, where: 'gone IS NULL' })
class Tag {
  @PrimaryColumn('int') id!: number
  @Column('text') name!: string
  @Column('timestamptz', { nullable: true }) gone!: Date | null
}

const start = twinDatabases()

const outcomeOf = (writing: Promise<unknown>): Promise<string> =>
  writing.then(
    () => 'written',
    (error: Error) => error.message,
  )

/** One transaction makes its first write, another connection's write has to wait for it, and then it makes its second. */
async function inTurn(
  source: DataSource,
  { first, other, second }: Record<'first' | 'other' | 'second', (manager: EntityManager) => Promise<unknown>>,
): Promise<string[]> {
  const [one, two] = [source.createQueryRunner(), source.createQueryRunner()]
  const [{ pid }] = (await two.query('SELECT pg_backend_pid() AS pid')) as [{ pid: number }]
  await one.startTransaction()
  await first(one.manager)
  const outcome = outcomeOf(other(two.manager))
  const isWaiting = async () => {
    const activity = 'SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = $2'
    return ((await source.query(activity, [pid, 'Lock'])) as unknown[]).length > 0
  }
  await waitFor(isWaiting, { what: 'the other write to wait' })
  const mine = await outcomeOf(second(one.manager))
  await (mine === 'written' ? one.commitTransaction() : one.rollbackTransaction())
  const outcomes = [mine, await outcome]
  await one.release()
  await two.release()
  return outcomes
}

describe('no deadlock that there is not without capture', () => {
  it.each<[string, (manager: EntityManager) => Promise<unknown>]>([
    ['update()', (manager) => manager.update(Member, { id: 3 }, { email: 'new@x' })],
    ['save()', (manager) => manager.save(Member, { id: 3, email: 'new@x' })],
    // An upsert locks by the columns that it names, whether they change or not.
    ['upsert()', (manager) => manager.upsert(Member, { id: 3, email: '3@x' }, ['id'])],
  ])('%s of a key, while a transaction that refers to the row goes on to write it', async (_, other) => {
    const { both } = await start([Member, Post])
    const { plain, audited } = await both(async (source) => {
      await source.manager.insert(Member, { id: 3, email: '3@x' })
      return inTurn(source, {
        first: (manager) => manager.insert(Post, { id: 1, author: { id: 3 } }),
        other,
        second: (manager) => manager.increment(Member, { id: 3 }, 'posts', 1),
      })
    })
    expect(plain).toEqual(['written', 'written'])
    expect(audited).toEqual(plain)
  })

  it('an upsert of several rows, beside writes in the same order', async () => {
    const { both } = await start([Member])
    const given = [5, 3].map((id) => ({ id, email: `${id}@x`, posts: 10 }))
    const { plain, audited } = await both(async (source) => {
      await source.manager.insert(Member, given)
      return inTurn(source, {
        first: (manager) => manager.increment(Member, { id: 5 }, 'posts', 1),
        other: (manager) => manager.upsert(Member, given, ['id']),
        second: (manager) => manager.increment(Member, { id: 3 }, 'posts', 1),
      })
    })
    expect(plain).toEqual(['written', 'written'])
    expect(audited).toEqual(plain)
  })
})

describe('an upsert does not wait for rows that it leaves alone', () => {
  it.each<[string, (manager: EntityManager) => Promise<unknown>]>([
    [
      'where it overwrites nothing',
      (manager) =>
        manager
          .createQueryBuilder()
          .insert()
          .into(Tag)
          .values([
            { id: 1, name: 'a' },
            { id: 2, name: 'b' },
          ])
          .orUpdate([], ['id'])
          .execute(),
    ],
    [
      'where the predicate of its index leaves them out',
      (manager) =>
        manager.upsert(Tag, { id: 2, name: 'a' }, { conflictPaths: ['name'], indexPredicate: 'gone IS NULL' }),
    ],
  ])('%s', async (_, write) => {
    const { both } = await start([Tag])
    const { plain, audited } = await both(async (source) => {
      await source.manager.insert(Tag, { id: 1, name: 'a', gone: new Date() })
      const holder = source.createQueryRunner()
      await holder.startTransaction()
      await holder.query('SELECT * FROM tag FOR UPDATE')
      const outcome = await outcomeOf(
        source.transaction(async (manager) => {
          await manager.query(`SET LOCAL lock_timeout = '500ms'`)
          await write(manager)
        }),
      )
      await holder.rollbackTransaction()
      await holder.release()
      return outcome
    })
    expect(plain).toBe('written')
    expect(audited).toBe(plain)
  })
})
