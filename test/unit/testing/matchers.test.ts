import 'reflect-metadata'
import { Column, DataSource, Entity, PrimaryGeneratedColumn } from 'typeorm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { AuditUpdateDelete } from '../../../src/capture/decorator'
import { runWithContext } from '../../../src/context/context'
import { openLoggers } from '../../../src/event-logger'
import { defineEvents } from '../../../src/events/define-events'
import { auditMatchers, TestAuditLogger } from '../../../src/testing'

expect.extend(auditMatchers)

@Entity()
@AuditUpdateDelete({ mask: ['iban'], label: 'number' })
class Invoice {
  @PrimaryGeneratedColumn() id!: number
  @Column() number!: string
  @Column() iban!: string
  @Column('decimal', { precision: 12, scale: 2 }) total!: string
}

let dataSource: DataSource
let audit: TestAuditLogger

beforeEach(async () => {
  dataSource = new DataSource({ type: 'sqljs', entities: [Invoice], synchronize: true })
  audit = new TestAuditLogger().attach(dataSource)
  await dataSource.initialize()
})
afterEach(async () => {
  await audit.close()
  await dataSource.destroy()
  openLoggers.clear()
})

async function paid(): Promise<Invoice> {
  const { manager } = dataSource
  const invoice = manager.create(Invoice, { number: '42', iban: 'CH93-0076', total: '1.00' })
  await manager.save(invoice)
  await runWithContext({ user: { id: 7, username: 'ann' } }, async () => {
    invoice.total = '2.00'
    await manager.save(invoice)
  })
  return invoice
}

function failure(run: () => void): string {
  try {
    run()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('the expectation held')
}

describe('TestAuditLogger', () => {
  it('keeps what is recorded, masked, without Redis and without the environment', async () => {
    process.env.AUDIT_LOGGER_ENABLED = 'false'
    try {
      const other = new TestAuditLogger()
      other.event('A', { password: 'hunter2' })
      expect(other.events).toMatchObject([{ v: 1, action: 'A', content: { password: '***' } }])
      await other.flush()
      await other.close()
      expect(other.counts).toMatchObject({ accepted: 1, pushed: 1 })
    } finally {
      delete process.env.AUDIT_LOGGER_ENABLED
    }
  })

  it('forgets when it is cleared', async () => {
    await paid()
    expect(audit.events).toHaveLength(2)
    audit.clear()
    expect(audit.events).toEqual([])
  })

  it('tells of its own start and stop when it is asked to', async () => {
    const other = new TestAuditLogger({ lifecycleEvents: true })
    other.event('A')
    await other.close()
    expect(other.events.map(({ action }) => action)).toEqual(['AUDIT_STARTED', 'A', 'AUDIT_STOPPED'])
  })

  it('takes a catalogue', () => {
    const events = defineEvents({ SENT: z.object({ to: z.string() }) }, { strict: true })
    const typed = new TestAuditLogger({ events })
    typed.event('SENT', { to: 'ann' })
    expect(typed).toHaveRecorded('SENT', { content: { to: 'ann' } })
    // @ts-expect-error: an unknown name
    expect(() => typed.event('SEND', { to: 'ann' })).toThrow(/AUDIT_EVENT_UNKNOWN/)
  })

  it('drops what comes after close(), as in production', async () => {
    audit.detach()
    await audit.close()
    audit.event('LATE')
    expect(audit).not.toHaveRecorded('LATE')
    expect(audit.counts?.dropped).toBe(1)
  })
})

describe('toHaveRecorded', () => {
  it('finds an event by its action, its instance and parts of its fields', async () => {
    const { id } = await paid()
    expect(audit).toHaveRecorded('OBJ_CREATE')
    expect(audit).toHaveRecorded('OBJ_UPDATE', { model: 'Invoice', pk: String(id), name: '42', table: 'invoice' })
    expect(audit).toHaveRecorded('OBJ_UPDATE', { changes: { total: { from: '1.00', to: '2.00' } } })
    expect(audit).toHaveRecorded('OBJ_UPDATE', { user: { username: 'ann' }, instance: { fields: ['total'] } })
    expect(audit).toHaveRecorded('OBJ_CREATE', { user: undefined, changes: { iban: { to: '***' } } })
    expect(audit).not.toHaveRecorded('OBJ_DELETE')
    expect(audit).not.toHaveRecorded('OBJ_UPDATE', { changes: { total: { to: '3.00' } } })
    expect(audit).not.toHaveRecorded('OBJ_UPDATE', { instance: { fields: ['total', 'number'] } })
    expect(audit).not.toHaveRecorded('OBJ_UPDATE', { user: undefined })
  })

  it('takes asymmetric matchers, dates, bigints and regular expressions inside', () => {
    const date = new Date('2026-01-01T00:00:00.000Z')
    audit.event('A', { date, reason: 'asked for by ann', big: 5n, list: [1, { two: 2 }], when: date })
    expect(audit).toHaveRecorded('A', {
      id: expect.any(String),
      date,
      reason: /by ann$/,
      content: expect.objectContaining({ big: '5' }),
    })
    expect(audit).toHaveRecorded('A', {
      reason: expect.stringContaining('asked'),
      content: { big: 5n, list: [1, { two: expect.any(Number) }], when: date, other: undefined },
    })
    expect(audit).not.toHaveRecorded('A', { content: { list: [1] } })
    expect(audit).not.toHaveRecorded('A', { reason: expect.not.stringContaining('asked') })
  })

  it('counts', () => {
    audit.event('A', { n: 1 })
    audit.event('A', { n: 2 })
    expect(audit).toHaveRecorded('A', {}, { times: 2 })
    expect(audit).toHaveRecorded('A', { content: { n: 1 } }, { times: 1 })
    expect(audit).toHaveRecorded('B', {}, { times: 0 })
    expect(audit).not.toHaveRecorded('A', {}, { times: 1 })
  })

  it('asks a list of events too', () => {
    audit.event('A')
    expect([...audit.events]).toHaveRecorded('A')
  })

  it('says what was recorded instead, and where it differs', async () => {
    await paid()
    const message = failure(() =>
      expect(audit).toHaveRecorded('OBJ_UPDATE', { model: 'Invoice', changes: { total: { to: expect.any(Number) } } }),
    )
    expect(message).toBe(
      [
        'expected to have recorded OBJ_UPDATE {"model":"Invoice","changes":{"total":{"to":"Any<Number>"}}}',
        '',
        '2 events were recorded:',
        `  1. OBJ_CREATE Invoice 1 {"changes":${JSON.stringify(audit.events[0]?.changes)}}`,
        '  2. OBJ_UPDATE Invoice 1 by ann {"changes":{"total":{"from":"1.00","to":"2.00"}}}',
        '     changes.total.to is "2.00", expected "Any<Number>"',
      ].join('\n'),
    )
    expect(failure(() => expect(audit).not.toHaveRecorded('OBJ_CREATE'))).toContain(
      'expected not to have recorded OBJ_CREATE, but 1 such event was',
    )
    expect(failure(() => expect(audit).toHaveRecorded('OBJ_CREATE', {}, { times: 2 }))).toContain(
      'expected to have recorded OBJ_CREATE 2 times, but 1 such event was',
    )
    audit.clear()
    expect(failure(() => expect(audit).toHaveRecorded('OBJ_CREATE'))).toContain('Nothing was recorded.')
  })

  it('refuses what could never match: unknown fields, both ways of an instance, and no logger', () => {
    expect(failure(() => expect(audit).not.toHaveRecorded('A', { modle: 'Invoice' } as never))).toMatch(/no modle/)
    expect(failure(() => expect(audit).toHaveRecorded('A', { model: 'A', instance: {} }))).toMatch(/either instance/)
    expect(failure(() => expect(undefined).toHaveRecorded('A'))).toMatch(/TestAuditLogger/)
    expect(failure(() => expect({}).not.toHaveRecorded('A'))).toMatch(/TestAuditLogger/)
  })
})

describe('the protocol of matchers', () => {
  it('needs nothing of the framework: any that calls a function with this and the values will do', () => {
    audit.event('A')
    const { toHaveRecorded } = auditMatchers
    expect(toHaveRecorded.call({ isNot: false }, audit, 'A')).toMatchObject({ pass: true })
    const missed = toHaveRecorded.call(undefined, audit, 'B')
    expect([missed.pass, missed.message()]).toEqual([false, expect.stringContaining('1 event was recorded')])
    const negated = toHaveRecorded.call({ isNot: true }, audit, 'A')
    expect([negated.pass, negated.message()]).toEqual([true, expect.stringContaining('expected not to')])
  })
})
