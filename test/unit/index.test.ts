import 'reflect-metadata'
import { Column, DataSource, Entity, ManyToOne, PrimaryGeneratedColumn } from 'typeorm'
import { afterEach, describe, expect, it } from 'vitest'
import * as audit from '../../src/index'
import { AuditLogger, AuditUpdateDelete, runWithContext, sendLog } from '../../src/index'
import { MemoryQueue, spyLogger } from './fakes'

@Entity()
class Organisation {
  @PrimaryGeneratedColumn() id!: number
  @Column() name!: string
}

@Entity()
class Member {
  @PrimaryGeneratedColumn() id!: number
  @Column() username!: string
  @ManyToOne(() => Organisation) organisation!: Organisation
}

@Entity()
@AuditUpdateDelete({ mask: ['iban'] })
class Invoice {
  @PrimaryGeneratedColumn() id!: number
  @Column() total!: string
  @Column() iban!: string
}

let logger: AuditLogger | undefined
let dataSource: DataSource | undefined

afterEach(async () => {
  await logger?.close()
  await dataSource?.destroy()
})

describe('the package', () => {
  it('exports what its documentation names', () => {
    expect(Object.keys(audit).sort()).toEqual([
      'AuditError',
      'AuditLogger',
      'AuditSettingsError',
      'AuditSubscriber',
      'AuditUpdateDelete',
      'Audited',
      'buildEvent',
      'close',
      'currentContext',
      'defineEvents',
      'flush',
      'impersonate',
      'logEvent',
      'logExported',
      'logFields',
      'logImpersonationEnded',
      'logImpersonationStarted',
      'logLogin',
      'logLoginBlocked',
      'logLoginFailed',
      'logLogout',
      'logPasswordChanged',
      'logSystem',
      'logViewed',
      'runWithContext',
      'sendLog',
      'setContextUser',
      'suspend',
      'updateContext',
    ])
  })

  it('records a committed change with who did it, on whose behalf, and without what is masked', async () => {
    const queue = new MemoryQueue()
    dataSource = new DataSource({ type: 'sqljs', entities: [Organisation, Member, Invoice], synchronize: true })
    logger = new AuditLogger({ userOrganisationField: 'organisation', logger: spyLogger() }, { queue }).attach(
      dataSource,
    )
    const { manager } = await dataSource.initialize()
    const organisation = await manager.save(Organisation, { name: 'ACME' })
    await manager.save(Member, { username: 'ann', organisation })
    const user = await manager.findOneByOrFail(Member, { username: 'ann' })
    const context = { user, request: { id: 'r-1', ip: '10.0.0.9', url: '/pay?iban=CH930076&token=abc123' } }
    await runWithContext(context, async () => {
      const invoice = await manager.save(Invoice, manager.create(Invoice, { total: '1.00', iban: 'CH930076' }))
      sendLog('INVOICE_SENT', { instance: invoice, to: 'ann@example.org' })
    })
    await logger.flush()
    const [started, created, sent, ...more] = queue.events
    expect(started?.action).toBe('AUDIT_STARTED')
    expect(more).toEqual([])
    const who = { pk: '1', type: 'user', username: 'ann', organisation: 'ACME', organisation_id: '1', ip: '10.0.0.9' }
    expect(created).toMatchObject({
      action: 'OBJ_CREATE',
      user: who,
      instance: { model: 'Invoice', pk: '1' },
      changes: { total: { to: '1.00' }, iban: { to: '***' } },
      request: { id: 'r-1', url: '/pay?iban=***&token=***' },
      entry_point: 'http',
      transaction: { n: 1 },
    })
    expect(sent).toMatchObject({
      action: 'INVOICE_SENT',
      user: who,
      instance: { model: 'Invoice', pk: '1' },
      content: { to: 'ann@example.org' },
    })
    expect(queue.pushes.join()).not.toMatch(/CH930076|abc123/)
  })
})
