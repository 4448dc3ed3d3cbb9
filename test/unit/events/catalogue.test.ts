import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { StandardSchema } from '../../../config/catalogue'
import { AuditError } from '../../../config/errors'
import { AuditLogger } from '../../../src/audit-logger'
import { openLoggers } from '../../../src/event-logger'
import { defineEvents } from '../../../src/events/define-events'
import { MemoryQueue, spyLogger } from '../fakes'

const SCHEMAS = {
  INVOICE_SENT: z.object({ to: z.email(), copies: z.int().default(1) }),
  CACHE_CLEARED: z.object({ keys: z.int().optional() }),
}

function auditing(strict: boolean) {
  const queue = new MemoryQueue()
  const logger = spyLogger()
  const events = defineEvents(SCHEMAS, { strict })
  const audit = new AuditLogger({ logger, lifecycleEvents: false, events }, { queue, environment: {} })
  const codes = () => logger.warn.mock.calls.map(([fields]) => (fields as { code: string }).code)
  return { audit, queue, logger, codes, last: () => queue.events.at(-1) }
}

/** A schema of no library at all: the interface is all that is asked of one. */
function schema(validate: StandardSchema['~standard']['validate']): StandardSchema {
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

function thrownBy(run: () => void): AuditError {
  try {
    run()
  } catch (error) {
    if (error instanceof AuditError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

afterEach(() => openLoggers.clear())

describe('an event of the catalogue', () => {
  it('has the content that its schema makes, defaults included, and the fields of any event', () => {
    const { audit, last, codes } = auditing(true)
    audit.event('INVOICE_SENT', { to: 'ann@example.org', instance: { id: 7 }, user: 3, reason: 'asked for' })
    expect(last()).toMatchObject({
      action: 'INVOICE_SENT',
      content: { to: 'ann@example.org', copies: 1 },
      instance: { pk: '7' },
      user: { pk: '3' },
      reason: 'asked for',
    })
    expect(last()).not.toHaveProperty('coverage')
    audit.event('CACHE_CLEARED')
    expect(last()).not.toHaveProperty('content')
    audit.build('INVOICE_SENT').set('to', 'bob@example.org').add({ copies: 2 }).send()
    expect(last()?.content).toEqual({ to: 'bob@example.org', copies: 2 })
    expect(codes()).toEqual([])
  })
})

describe('a strict catalogue', () => {
  it('refuses an unknown name, and records nothing', () => {
    const { audit, queue } = auditing(true)
    const error = thrownBy(() => audit.event('INVOICE_SEND' as never, { to: 'ann@example.org' } as never))
    expect(error.code).toBe('AUDIT_EVENT_UNKNOWN')
    expect(error.message).toContain('INVOICE_SEND')
    expect(thrownBy(() => audit.build('toString' as never).send()).code).toBe('AUDIT_EVENT_UNKNOWN')
    expect(thrownBy(() => audit.event(undefined as never)).code).toBe('AUDIT_EVENT_UNKNOWN')
    expect(queue.events).toEqual([])
  })

  it('refuses content that does not match, in words that repeat nothing of it', () => {
    const { audit, queue } = auditing(true)
    const error = thrownBy(() => audit.event('INVOICE_SENT', { to: 'not-an-address', copies: 1.5 }))
    expect(error.code).toBe('AUDIT_EVENT_INVALID')
    expect(error.message).toMatch(/to: Invalid email.*copies: /)
    expect(error.message).not.toContain('not-an-address')
    expect(queue.events).toEqual([])
  })

  it('lets a builder be corrected and sent after a refusal', () => {
    const { audit, queue } = auditing(true)
    const event = audit.build('INVOICE_SENT')
    expect(thrownBy(() => event.send()).code).toBe('AUDIT_EVENT_INVALID')
    event.set('to', 'ann@example.org').send()
    expect(queue.events).toHaveLength(1)
  })

  it('leaves alone what has no name in it: sendLog, logins, and the events with methods of their own', () => {
    const { audit, queue } = auditing(true)
    audit.sendLog('ANYTHING')
    audit.logLogin({ id: 1 })
    audit.viewed({ id: 1 })
    audit.exported({ type: 'x' })
    audit.system({ level: 'info', title: 'x' })
    expect(queue.events).toHaveLength(5)
  })
})

describe('a catalogue that is not strict', () => {
  it('records an unknown event as it is given, and says so', () => {
    const { audit, last, codes, logger } = auditing(false)
    audit.event('INVOICE_SEND' as never, { to: 'x', outcome: 'success' } as never)
    expect(last()).toMatchObject({
      action: 'INVOICE_SEND',
      outcome: 'success',
      content: { to: 'x' },
      coverage: 'partial',
      coverage_reason: 'the action is not in the catalogue of events',
    })
    audit.event('INVOICE_SEND' as never)
    audit.event('OTHER' as never)
    expect(codes()).toEqual(['AUDIT_EVENT_UNKNOWN', 'AUDIT_EVENT_UNKNOWN'])
    expect(logger.warn.mock.calls[0]?.[1]).toContain('INVOICE_SEND')
  })

  it('records wrong content as it is given, and says what is wrong without repeating it in the log', () => {
    const { audit, last, logger } = auditing(false)
    audit.event('INVOICE_SENT', { to: 'not-an-address' })
    expect(last()).toMatchObject({
      content: { to: 'not-an-address' },
      outcome: 'success',
      coverage: 'partial',
      coverage_reason: expect.stringContaining('to: Invalid email'),
    })
    expect(JSON.stringify(logger.warn.mock.calls)).not.toContain('not-an-address')
  })

  it.each<[string, StandardSchema, RegExp]>([
    ['asynchronous', schema(async () => ({ value: {} })), /asynchronous/],
    ['rejecting', schema(() => Promise.reject(new Error('late'))), /asynchronous/],
    [
      'throwing',
      schema(() => {
        throw new Error('broken')
      }),
      /broken/,
    ],
    ['making a text', schema(() => ({ value: 'text' })), /no object/],
    ['repeating what was given', schema(() => ({ issues: [{ message: 'Received "s3cret-value"' }] })), /Received/],
    ['pointing inside', schema(() => ({ issues: [{ message: 'no', path: ['a', { key: 0 }] }] })), /a\.0: no/],
  ])('copes with a schema that is %s', (_, given, problem) => {
    const queue = new MemoryQueue()
    const logger = spyLogger()
    const events = defineEvents({ X: given })
    new AuditLogger({ logger, lifecycleEvents: false, events }, { queue, environment: {} }).event('X', {
      note: 's3cret-value',
    })
    expect(queue.events[0]).toMatchObject({ action: 'X', content: { note: 's3cret-value' }, coverage: 'partial' })
    expect(queue.events[0]?.coverage_reason).toMatch(problem)
    expect(logger.warn.mock.calls[0]?.[0]).toMatchObject({ code: 'AUDIT_EVENT_INVALID' })
    expect(JSON.stringify(logger.warn.mock.calls)).not.toContain('s3cret-value')
  })

  it('does not let a schema put content into the fields of the event itself', () => {
    const queue = new MemoryQueue()
    const events = defineEvents({ X: schema(() => ({ value: { user: 'forged', outcome: 'failure' } })) })
    new AuditLogger({ logger: spyLogger(), lifecycleEvents: false, events }, { queue, environment: {} }).event('X')
    expect(queue.events[0]).toMatchObject({ outcome: 'success', content: { user: 'forged', outcome: 'failure' } })
    expect(queue.events[0]).not.toHaveProperty('user')
  })
})

describe('defineEvents', () => {
  it.each<[string, unknown]>([
    ['no object', undefined],
    ['something that is no schema', { X: {} }],
    ['a schema of another version', { X: { '~standard': { version: 2, validate: () => ({ value: {} }) } } }],
    ['an empty name', { ' ': z.object({}) }],
  ])('refuses %s where the catalogue is defined', (_, schemas) => {
    expect(thrownBy(() => defineEvents(schemas as never)).code).toBe('AUDIT_CATALOGUE_INVALID')
  })

  it('takes schemas that are functions', () => {
    const callable = Object.assign(
      () => undefined,
      schema(() => ({ value: {} })),
    )
    expect(defineEvents({ X: callable }).schemas.X).toBe(callable)
  })

  it('cannot be changed afterwards', () => {
    const events = defineEvents(SCHEMAS)
    expect(Object.isFrozen(events) && Object.isFrozen(events.schemas)).toBe(true)
  })
})
