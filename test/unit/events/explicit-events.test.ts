import { afterEach, describe, expect, it } from 'vitest'
import { runWithContext, updateContext } from '../../../src/context/context'
import { close } from '../../../src/default-logger'
import { openLoggers } from '../../../src/event-logger'
import { buildEvent, logEvent, logExported, logFields, logSystem, logViewed, suspend } from '../../../src/global-events'
import { auditing } from './support'

class Invoice {
  constructor(readonly id: number) {}
}

function throwing(): never {
  throw new Error('no')
}

describe('event', () => {
  it('tells instance, user, date, reason and outcome from the content', () => {
    const { audit, last } = auditing()
    audit.event('INVOICE_SENT', { instance: new Invoice(3), user: 7, reason: 'asked for', to: 'ann' })
    expect(last()).toMatchObject({
      action: 'INVOICE_SENT',
      outcome: 'success',
      reason: 'asked for',
      user: { pk: '7' },
      instance: { model: 'Invoice', pk: '3' },
      content: { to: 'ann' },
    })
  })

  it('needs no fields, and a wrong call leaves an event that says so', () => {
    const { audit, last, codes } = auditing()
    audit.event('A')
    expect(last()).not.toHaveProperty('content')
    audit.event(undefined as never, { plan: 'trial' })
    expect(last()).toMatchObject({ action: 'AUDIT_INVALID_CALL', outcome: 'failure', content: { plan: 'trial' } })
    expect(codes()).toEqual(['AUDIT_INVALID_CALL'])
  })

  it('records nothing when the logger is switched off', () => {
    const { audit, queue } = auditing({ enabled: false })
    audit.event('A')
    audit.build('A').send()
    audit.viewed({ id: 1 })
    audit.exported({ type: 'x' })
    audit.system({ level: 'info', title: 'x' })
    audit.fields({ id: 1 }, ['id'])
    expect(audit.suspend(() => 5, { reason: 'x' })).toBe(5)
    expect(queue.events).toEqual([])
  })
})

describe('a builder', () => {
  it('is filled step by step and sent once', () => {
    const { audit, queue, codes } = auditing()
    const event = audit.build('INVOICE_SENT').instance(new Invoice(3)).user({ id: 7 })
    event.set('to', 'ann').add({ copies: 2, format: 'pdf' })
    event.date('2026-01-01').reason('asked for').outcome('failure')
    expect(queue.events).toEqual([])
    event.send()
    event.send()
    event.set('late', true).send()
    expect(queue.events).toHaveLength(1)
    expect(queue.events[0]).toMatchObject({
      action: 'INVOICE_SENT',
      date: '2026-01-01T00:00:00.000Z',
      outcome: 'failure',
      reason: 'asked for',
      user: { pk: '7' },
      instance: { model: 'Invoice', pk: '3' },
      content: { to: 'ann', copies: 2, format: 'pdf' },
    })
    expect(codes()).toEqual(['AUDIT_EVENT_SENT'])
  })

  it('reads the context when it is sent, and is nothing when it never is', () => {
    const { audit, queue } = auditing()
    audit.build('ABANDONED').set('a', 1)
    const event = runWithContext({ user: 1 }, () => audit.build('A'))
    runWithContext({ user: 2 }, () => event.send())
    expect(queue.events.map(({ action, user }) => [action, user?.pk])).toEqual([['A', '2']])
  })

  it('takes any name as content, also the one that would be a prototype', () => {
    const { audit, queue } = auditing()
    audit.build('A').set('__proto__', 'x').send()
    expect(Object.keys(queue.events[0]?.content ?? {})).toEqual(['__proto__'])
  })
})

describe('viewed and exported', () => {
  it('tell who was shown what', () => {
    const { audit, last, codes } = auditing()
    runWithContext({ user: { id: 7 } }, () => audit.viewed(new Invoice(3), { page: 'print' }))
    expect(last()).toMatchObject({
      action: 'OBJ_VIEWED',
      outcome: 'success',
      user: { pk: '7' },
      instance: { model: 'Invoice', pk: '3' },
      content: { page: 'print' },
    })
    audit.viewed(undefined as never)
    expect(last()).toMatchObject({ action: 'OBJ_VIEWED', outcome: 'failure', coverage: 'partial' })
    audit.viewed('7' as never)
    expect(last()).toMatchObject({ action: 'OBJ_VIEWED', outcome: 'failure', coverage: 'partial' })
    expect(codes()).toEqual(['AUDIT_INVALID_CALL'])
  })

  it('tell what left the application, and mask its filters', () => {
    const { audit, last, codes } = auditing()
    audit.exported({
      type: Invoice,
      format: 'csv',
      count: 1200,
      bytes: 88_000n,
      filters: { year: 2026, token: 'abc123' },
      reason: 'year-end',
      by: 'cron',
    })
    expect(last()).toMatchObject({
      action: 'DATA_EXPORTED',
      reason: 'year-end',
      content: {
        type: 'Invoice',
        format: 'csv',
        count: 1200,
        bytes: '88000',
        filters: { year: 2026, token: '***' },
        by: 'cron',
      },
    })
    expect(codes()).toEqual([])
  })

  it.each<[unknown, RegExp]>([
    [undefined, /type/],
    [{}, /type/],
    [{ type: 5, count: -1 }, /type.*count/],
    [{ type: 'A', bytes: '12' }, /bytes/],
  ])('told wrongly (%o) leave an event that says so', (what, problem) => {
    const { audit, last, codes } = auditing()
    audit.exported(what as never)
    expect(last()).toMatchObject({
      action: 'DATA_EXPORTED',
      outcome: 'failure',
      coverage_reason: expect.stringMatching(problem),
    })
    expect(codes()).toEqual(['AUDIT_INVALID_CALL'])
  })
})

describe('system', () => {
  it('is done by the system outside of any context, and by the user inside of one', () => {
    const { audit, last } = auditing()
    audit.system({ level: 'warning', title: 'Provider slow', latency_ms: 4200 })
    expect(last()).toMatchObject({
      action: 'SYSTEM_EVENT',
      outcome: 'success',
      user: { type: 'system' },
      content: { level: 'warning', title: 'Provider slow', latency_ms: 4200 },
    })
    runWithContext({ user: 7 }, () => audit.system({ level: 'info', title: 'x' }))
    expect(last()?.user).toEqual({ pk: '7', type: 'user' })
  })

  it('is a failure from level error on, unless something else is said', () => {
    const { audit, queue } = auditing()
    audit.system({ level: 'error', title: 'x' })
    audit.system({ level: 'critical', title: 'x', outcome: 'success' })
    expect(queue.events.map(({ outcome }) => outcome)).toEqual(['failure', 'success'])
  })

  it('told wrongly leaves an event that says so', () => {
    const { audit, last, codes } = auditing()
    audit.system({ level: 'fatal' } as never)
    expect(last()).toMatchObject({
      action: 'SYSTEM_EVENT',
      outcome: 'failure',
      coverage_reason: expect.stringMatching(/level.*title/),
      content: { level: 'fatal' },
    })
    expect(codes()).toEqual(['AUDIT_INVALID_CALL'])
  })
})

describe('no explicit event', () => {
  it.each<[string, unknown]>([
    ['a proxy that throws', new Proxy({}, { get: throwing, ownKeys: throwing, has: throwing })],
    ['null', null],
    ['a number', 5],
    ['a list', [1]],
    ['a revoked proxy', revoked()],
  ])('throws or goes missing when it is given %s', (_, hostile) => {
    const { audit, queue } = auditing()
    const any = hostile as never
    audit.event('A', any)
    audit.build('A').set('x', any).instance(any).send()
    audit.viewed(any, any)
    audit.exported(any)
    audit.system(any)
    audit.fields(any, any, any)
    audit.fields(any, ['id'])
    expect(queue.events).toHaveLength(7)
  })
})

describe('extra content of a context', () => {
  it('is on every event of it, and never on those of another', async () => {
    const { audit, queue } = auditing()
    const shared = { batch: 1 }
    const request = (id: number) =>
      runWithContext({ extra: shared }, async () => {
        await Promise.resolve()
        updateContext({ extra: { request: id } })
        await new Promise((resolve) => setImmediate(resolve))
        audit.event('A', { id })
      })
    await Promise.all([1, 2, 3].map(request))
    shared.batch = 2
    audit.event('OUTSIDE')
    expect(queue.events.map(({ content }) => content)).toEqual([
      { batch: 1, request: 1, id: 1 },
      { batch: 1, request: 2, id: 2 },
      { batch: 1, request: 3, id: 3 },
      undefined,
    ])
    expect(shared).toEqual({ batch: 2 })
  })
})

describe('the global functions', () => {
  afterEach(async () => {
    await close()
    openLoggers.clear()
  })

  it('do the same with the global logger', () => {
    openLoggers.clear()
    const { queue } = auditing()
    logEvent('A', { a: 1 })
    buildEvent('B').set('b', 1).send()
    logViewed(new Invoice(1))
    logExported({ type: Invoice })
    logSystem({ level: 'info', title: 'x' })
    logFields(new Invoice(1), ['id'])
    expect(suspend(() => 5, { reason: 'import' })).toBe(5)
    expect(queue.events.map(({ action }) => action)).toEqual([
      'A',
      'B',
      'OBJ_VIEWED',
      'DATA_EXPORTED',
      'SYSTEM_EVENT',
      'OBJ_FIELDS',
      'AUDIT_SUSPENDED',
    ])
  })
})

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
