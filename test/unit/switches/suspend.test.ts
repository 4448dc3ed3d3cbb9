import 'reflect-metadata'
import { Column, type DataSource, Entity, PrimaryGeneratedColumn } from 'typeorm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AuditUpdateDelete } from '../../../src/capture/decorator'
import { runWithContext } from '../../../src/context/context'
import { openLoggers } from '../../../src/event-logger'
import { auditing, sqljs } from '../events/support'

@Entity()
@AuditUpdateDelete
class Invoice {
  @PrimaryGeneratedColumn() id!: number
  @Column() total!: number
}

const FAILURE = new Error('import broke')
let dataSource: DataSource

beforeEach(async () => {
  dataSource = await sqljs([Invoice])
})
afterEach(async () => {
  await dataSource.destroy()
  openLoggers.clear()
})

function attached() {
  const parts = auditing()
  parts.audit.attach(dataSource)
  const save = (total: number) => dataSource.manager.save(Invoice, { total })
  const actions = () => parts.queue.events.map(({ action }) => action)
  return { ...parts, save, actions }
}

describe('suspend', () => {
  it('records no change inside, and is itself one event with reason, duration and count', async () => {
    const { audit, queue, save, actions } = attached()
    await save(1)
    const result = await audit.suspend(
      async () => {
        await save(2)
        await dataSource.transaction(async (manager) => {
          await manager.save(Invoice, [{ total: 3 }, { total: 4 }])
        })
        return 'imported'
      },
      { reason: 'import of 2025' },
    )
    await save(5)
    expect(result).toBe('imported')
    expect(actions()).toEqual(['OBJ_CREATE', 'AUDIT_SUSPENDED', 'OBJ_CREATE'])
    expect(queue.events[1]).toMatchObject({
      outcome: 'success',
      reason: 'import of 2025',
      user: { type: 'system' },
      content: { suspended: 3, duration_ms: expect.any(Number) },
    })
  })

  it('throws what the function throws, and says so', async () => {
    const { audit, last, save } = attached()
    const fails = audit.suspend(
      async () => {
        await save(1)
        throw FAILURE
      },
      { reason: 'import' },
    )
    await expect(fails).rejects.toBe(FAILURE)
    expect(last()).toMatchObject({
      action: 'AUDIT_SUSPENDED',
      outcome: 'failure',
      content: { suspended: 1, error: 'Error: import broke' },
    })
    expect(() =>
      audit.suspend(
        () => {
          throw FAILURE
        },
        { reason: 'import' },
      ),
    ).toThrow(FAILURE)
  })

  it('holds for what runs inside of it alone, not for what runs at the same time', async () => {
    const { audit, queue, save } = attached()
    let release = (): void => undefined
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const suspended = audit.suspend(() => gate.then(() => save(1)), { reason: 'import' })
    await save(2)
    release()
    await suspended
    expect(queue.events.map(({ action, changes }) => [action, changes?.total])).toEqual([
      ['OBJ_CREATE', { to: 2 }],
      ['AUDIT_SUSPENDED', undefined],
    ])
  })

  it('ends with the function: work that was not awaited is recorded again', async () => {
    const { audit, actions, save } = attached()
    let later: Promise<unknown> = Promise.resolve()
    audit.suspend(
      () => {
        later = new Promise((resolve) => setImmediate(resolve)).then(() => save(1))
      },
      { reason: 'import' },
    )
    await later
    expect(actions()).toEqual(['AUDIT_SUSPENDED', 'OBJ_CREATE'])
  })

  it('does not suspend explicit events, nor another logger', async () => {
    const { audit, actions } = attached()
    const other = auditing()
    other.audit.attach(await sqljs([Invoice]))
    const { audit: first } = { audit }
    await other.audit.suspend(() => dataSource.manager.save(Invoice, { total: 1 }), { reason: 'other' })
    first.suspend(() => audit.event('STILL'), { reason: 'import' })
    expect(actions()).toEqual(['OBJ_CREATE', 'STILL', 'AUDIT_SUSPENDED'])
    expect(other.last()?.content).toMatchObject({ suspended: 0 })
  })

  it('inside another counts in both', async () => {
    const { audit, queue, save } = attached()
    const inner = async () => {
      await save(1)
      await audit.suspend(() => save(2), { reason: 'inner' })
    }
    await audit.suspend(inner, { reason: 'outer' })
    expect(queue.events.map(({ reason, content }) => [reason, content?.suspended])).toEqual([
      ['inner', 1],
      ['outer', 2],
    ])
  })

  it('without a reason runs all the same, and its event says that there is none', async () => {
    const { audit, last, codes, save } = attached()
    await runWithContext({ user: { id: 7 } }, () => audit.suspend(() => save(1), undefined as never))
    expect(last()).toMatchObject({
      action: 'AUDIT_SUSPENDED',
      outcome: 'success',
      user: { pk: '7' },
      coverage: 'partial',
      coverage_reason: 'no reason was given',
      content: { suspended: 1 },
    })
    expect(codes()).toEqual(['AUDIT_INVALID_CALL'])
  })
})
