import 'reflect-metadata'
import { setTimeout as delay } from 'node:timers/promises'
import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm'
import { expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../src/capture/decorator'
import { auditedSources } from '../support/audited-source'
import { summary } from '../unit/capture/support'

@Entity()
@AuditUpdateDelete
class Bill {
  @PrimaryGeneratedColumn() id!: number
  @Column('int', { default: 0 }) n!: number
}

const open = auditedSources<'postgres' | 'mariadb' | 'mysql' | 'sqljs'>([Bill])
const DRIVERS = ['postgres', 'mariadb', 'mysql', 'sqljs'] as const

it.each(DRIVERS)('what was written before detach() is told of when its transaction commits, %s', async (driver) => {
  const { dataSource, manager, trail } = await open(driver)
  const before = dataSource.subscribers.length
  await manager.transaction(async (inner) => {
    await inner.save(inner.create(Bill, { n: 1 }))
    // As close() does while a request is still being answered.
    trail.attach(dataSource)()
    await inner.save(inner.create(Bill, { n: 2 }))
  })
  expect(summary(trail.take())).toBe('OBJ_CREATE Bill 1 {"id":{"to":1},"n":{"to":1}}')
  expect(dataSource.subscribers).toHaveLength(before - 1)
})

it.each(DRIVERS)('nor is anything told of when it is rolled back, %s', async (driver) => {
  const { dataSource, manager, trail } = await open(driver)
  const before = dataSource.subscribers.length
  const outcome = manager.transaction(async (inner) => {
    await inner.insert(Bill, { n: 1 })
    trail.attach(dataSource)()
    throw new Error('rolled back')
  })
  await expect(outcome).rejects.toThrow('rolled back')
  expect(trail.take()).toEqual([])
  expect(dataSource.subscribers).toHaveLength(before - 1)
})

it('a statement that is under way gives what TypeORM gives', async () => {
  const { dataSource, manager, trail } = await open('postgres')
  let detach = trail.attach(dataSource)
  let writing = true
  const toggle = async () => {
    while (writing) {
      detach()
      await delay(1)
      detach = trail.attach(dataSource)
      await delay(1)
    }
  }
  const columns = new Set<string>()
  const write = async () => {
    for (let n = 0; n < 80; n += 1) {
      const { raw } = n % 2 === 0 ? await manager.insert(Bill, { n }) : await manager.update(Bill, 1, { n })
      for (const row of raw as object[]) for (const name of Object.keys(row)) columns.add(name)
    }
  }
  const toggling = toggle()
  await Promise.all(Array.from({ length: 8 }, write))
  writing = false
  await toggling
  expect([...columns]).toEqual(['id', 'n'])
})
