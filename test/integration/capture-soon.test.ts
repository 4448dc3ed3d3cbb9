import 'reflect-metadata'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Redis } from 'ioredis'
import { Column, DataSource, Entity, PrimaryColumn } from 'typeorm'
import { afterEach, describe, expect, it } from 'vitest'
import { loadSettings } from '../../config/settings'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { currentContext, runWithContext } from '../../src/context/context'
import type { AuditEvent } from '../../src/event/event'
import { createQueue } from '../../src/queue/producer'
import { finishSpareTime } from '../../src/spare-time'
import { emptyDatabase } from '../support/matrix/targets'
import { startRedisServer } from '../support/redis-server'
import { build } from '../support/shared'
import { spawnNode } from '../support/spawn-process'
import { removeDirectory, temporaryDirectory } from '../support/temp-directory'
import { waitFor } from '../support/wait-for'
import { Trail } from '../unit/capture/support'

const users: unknown[] = []
/** Notes in whose context each value is read. */
const noting = {
  to: (value: unknown) => value,
  from: (value: unknown) => {
    users.push(currentContext()?.user)
    return value
  },
}

@Entity()
@AuditUpdateDelete({ label: 'note' })
class Note {
  @PrimaryColumn({ type: 'int' })
  id!: number

  @Column({ type: 'text', transformer: noting })
  note!: string

  @Column({ type: 'text', nullable: true })
  attachment!: string | null
}

let close: () => Promise<void> = async () => undefined
afterEach(() => close())

async function open(driver: 'postgres' | 'mariadb' | 'sqljs') {
  const options = { ...(await emptyDatabase(driver)), entities: [Note], synchronize: true }
  const dataSource = await new DataSource(options as never).initialize()
  const trail = new Trail()
  const detach = trail.attach(dataSource)
  close = async () => {
    detach()
    await dataSource.destroy()
  }
  await dataSource.manager.insert(Note, { id: 1, note: 'old' })
  trail.take()
  users.length = 0
  return { manager: dataSource.manager, trail }
}

describe.each(['postgres', 'mariadb', 'sqljs'] as const)('%s: rows that are read after the COMMIT', (driver) => {
  it('are read in the context of the write, whose user counts as he was then', async () => {
    const { manager, trail } = await open(driver)
    const user = { id: 7, username: 'before' }
    await runWithContext({ user }, () => manager.update(Note, 1, { note: 'new' }))
    user.username = 'after'
    expect(trail.one()).toMatchObject({ user: { pk: '7', username: 'before' }, instance: { name: 'new' } })
    expect(users.length).toBeGreaterThan(0)
    expect(users).toEqual(users.map(() => user))
  })

  it('are never read when the transaction is rolled back', async () => {
    const { manager, trail } = await open(driver)
    const outcome = manager.transaction(async (inner) => {
      await inner.update(Note, 1, { note: 'in' })
      throw new Error('rolled back')
    })
    await expect(outcome).rejects.toThrow('rolled back')
    finishSpareTime()
    expect(users).toEqual([])
    expect(trail.take()).toEqual([])
  })

  it('do not wait when they are large: their events are smaller than they', async () => {
    const { manager, trail } = await open(driver)
    await manager.transaction(async (inner) => {
      await inner.update(Note, 1, { note: 'light' })
      expect(users).toEqual([])
      await inner.update(Note, 1, { attachment: 'x'.repeat(20_000), note: 'heavy' })
      expect(users).not.toEqual([])
    })
    expect(trail.take().map(({ changes }) => changes?.note)).toEqual([
      { from: 'old', to: 'light' },
      { from: 'light', to: 'heavy' },
    ])
  })

  it('do not wait when they are very many', async () => {
    const { manager, trail } = await open(driver)
    for (let start = 2; start <= 1_100; start += 100) {
      await manager.insert(
        Note,
        Array.from({ length: 100 }, (_, n) => ({ id: start + n, note: 'old' })),
      )
    }
    trail.take()
    users.length = 0
    await manager.transaction(async (inner) => {
      await inner.createQueryBuilder().update(Note).set({ note: 'new' }).execute()
      const read = users.length
      expect(read).toBeGreaterThan(0)
      finishSpareTime()
      expect(users).toHaveLength(read)
    })
    const told = trail.take()
    expect(told).toHaveLength(1_101)
    expect(told.map(({ transaction }) => transaction?.n)).toEqual(told.map((_, index) => index + 1))
  })
})

it.each(['postgres', 'mariadb', 'sqljs'] as const)(
  '%s: an event that waits for COMMIT keeps nothing else',
  async (driver) => {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    const { manager, trail } = await open(driver)
    await manager.transaction(async (inner) => {
      const given: WeakRef<object>[] = []
      for (let id = 10; id < 20; id += 1) {
        const note = { id, note: 'new' }
        given.push(new WeakRef(note))
        await inner.insert(Note, note)
      }
      const left = () => {
        collectGarbage()
        return given.filter((one) => one.deref() !== undefined).length
      }
      // What was given last may still lie on some stack.
      await waitFor(() => left() <= 1, { what: 'what the statements were given to be collected' })
    })
    expect(trail.take()).toHaveLength(10)
  },
)

it('events of which nothing is written yet survive process.exit() with a spill directory', async () => {
  await build()
  const server = await startRedisServer()
  const directory = temporaryDirectory('exit')
  await server.kill()
  // More than are pushed in one turn of the event loop.
  const many = 15_000
  const program = spawnNode('test/support/programs/exit-after-write.mjs', [server.url, directory, String(many)])
  expect(await program.waitForExit()).toMatchObject({ code: 0 })
  await server.restart()
  const redis = new Redis(server.url)
  const queue = createQueue(loadSettings({ redis: server.url, spillDirectory: directory }, {}))
  close = async () => {
    await queue.close()
    redis.disconnect()
    await server.stop()
    removeDirectory(directory)
  }
  queue.open?.()
  const pending = '{audit-logger}:pending'
  await waitFor(async () => (await redis.llen(pending)) === 2 + many, { what: 'the events of the process before' })
  const events = (await redis.lrange(pending, 0, -1)).map((line) => JSON.parse(line) as AuditEvent)
  const first = events.filter(({ instance }) => instance?.pk === '1')
  expect(first.map(({ action, changes, user }) => [action, changes?.note, user?.pk])).toEqual([
    ['OBJ_CREATE', { to: 'new' }, '1'],
    ['OBJ_UPDATE', { from: 'new', to: 'changed' }, '1'],
  ])
  expect(new Set(events.map(({ instance }) => instance?.pk)).size).toBe(1 + many)
})
