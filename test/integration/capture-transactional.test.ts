import type { DataSource } from 'typeorm'
import {
  addTransactionalDataSource,
  deleteDataSourceByName,
  initializeTransactionalContext,
  Propagation,
  runInTransaction,
  runOnTransactionCommit,
  StorageDriver,
} from 'typeorm-transactional'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Pair, Part } from '../support/matrix/entities'
import { type MatrixDriver, openPlain } from '../support/matrix/targets'
import { Trail } from '../unit/capture/support'

const ON_PURPOSE = new Error('on purpose')

/** Whether capture is attached before typeorm-transactional wraps the data source, or after. */
const orders: [MatrixDriver, 'before' | 'after'][] = [
  ['postgres', 'before'],
  ['postgres', 'after'],
  ['mariadb', 'before'],
  ['better-sqlite3', 'after'],
]

describe.each(orders)('typeorm-transactional on %s, capture attached %s it', (driver, order) => {
  const trail = new Trail()
  const connectionName = `${driver} ${order}`
  let dataSource: DataSource
  let detach: () => void

  beforeAll(async () => {
    initializeTransactionalContext({ storageDriver: StorageDriver.ASYNC_LOCAL_STORAGE })
    dataSource = await openPlain(driver)
    if (order === 'before') detach = trail.attach(dataSource)
    addTransactionalDataSource({ name: connectionName, dataSource })
    if (order === 'after') detach = trail.attach(dataSource)
  })
  afterAll(async () => {
    detach()
    deleteDataSourceByName(connectionName)
    await dataSource.destroy()
  })
  beforeEach(async () => {
    await dataSource.getRepository(Pair).createQueryBuilder().delete().execute()
    await dataSource.getRepository(Pair).insert({ left: 'a', right: 1, note: 'old' })
    trail.take()
  })

  const transaction = <T>(run: () => Promise<T>, propagation = Propagation.REQUIRED) =>
    runInTransaction(run, { connectionName, propagation })
  const pairs = () => dataSource.getRepository(Pair)

  it('tells at COMMIT what was written through repositories, numbered in one transaction', async () => {
    await transaction(async () => {
      await pairs().update({ left: 'a' }, { note: 'new' })
      await dataSource.getRepository(Part).save({ name: 'p' })
      await dataSource.manager.upsert(Pair, { left: 'a', right: 2, note: 'n' }, ['left', 'right'])
      expect(trail.take()).toEqual([])
    })
    const events = trail.take()
    expect(events.map(({ action }) => action)).toEqual(['OBJ_UPDATE', 'OBJ_CREATE', 'OBJ_CREATE'])
    expect(events[0]?.changes).toEqual({ note: { from: 'old', to: 'new' } })
    expect(events.map(({ transaction: one }) => one?.n)).toEqual([1, 2, 3])
    expect(new Set(events.map(({ transaction: one }) => one?.id)).size).toBe(1)
  })

  it('tells nothing of what was rolled back', async () => {
    const rolledBack = transaction(async () => {
      await pairs().update({ left: 'a' }, { note: 'new' })
      await pairs().delete({ left: 'a' })
      throw ON_PURPOSE
    })
    await expect(rolledBack).rejects.toBe(ON_PURPOSE)
    expect(trail.take()).toEqual([])
    await pairs().update({ left: 'a' }, { note: 'later' })
    expect(trail.one().changes).toEqual({ note: { from: 'old', to: 'later' } })
  })

  it('leaves its hooks alone: what they write is told by itself', async () => {
    const written = new Promise<void>((resolve, reject) => {
      void transaction(async () => {
        runOnTransactionCommit(() => {
          pairs()
            .update({ left: 'a' }, { note: 'by the hook' })
            .then(() => resolve(), reject)
        })
        await pairs().update({ left: 'a' }, { note: 'new' })
      }).catch(reject)
    })
    await written
    expect(trail.take().map(({ changes }) => changes)).toEqual([
      { note: { from: 'old', to: 'new' } },
      { note: { from: 'new', to: 'by the hook' } },
    ])
  })

  // typeorm-transactional 0.5 on TypeORM 1.x takes a second connection for NESTED, with or without capture, which waits
  // for the rows of the first: savepoints are only had where all share one connection.
  if (driver === 'better-sqlite3') {
    it('tells nothing of what was rolled back to a savepoint', async () => {
      await transaction(async () => {
        await pairs().update({ left: 'a' }, { note: 'outer' })
        const nested = transaction(async () => {
          await pairs().update({ left: 'a' }, { note: 'inner' })
          throw ON_PURPOSE
        }, Propagation.NESTED)
        await expect(nested).rejects.toBe(ON_PURPOSE)
      })
      expect(trail.one().changes).toEqual({ note: { from: 'old', to: 'outer' } })
    })
  }
})
