import { describe, expect, it } from 'vitest'
import { runWithContext } from '../../src/context/context'
import { EventRecorder } from '../../src/event-recorder'
import { logLogin, logLoginFailed, logLogout } from '../../src/login/login'
import { Reports } from '../../src/report'
import { type Sender, sendEvent } from '../../src/send-log'
import { MemoryQueue, settingsWith, spyLogger } from './fakes'

function sending() {
  const logger = spyLogger()
  const queue = new MemoryQueue()
  const reports = new Reports(logger)
  const recorder = new EventRecorder({ settings: settingsWith({ logger }), queue, dataSources: () => [], reports })
  const describeInstance = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return undefined
    return {
      model: value.constructor.name,
      pk: String((value as { id?: unknown }).id),
      fields: Object.keys(value),
      timestamp: new Date(0).toISOString(),
    }
  }
  const sender: Sender = { recorder, reports, describeInstance, describeActor: () => ({}) }
  const send = (action?: unknown, fields?: unknown) => {
    sendEvent(sender, { method: 'sendLog', action, fields })
    return queue.events.at(-1)
  }
  return { logger, queue, sender, send, last: () => queue.events.at(-1) }
}

function throwing(): never {
  throw new Error('no')
}

describe('sendLog', () => {
  it('tells instance, user, date, reason and outcome from the content', () => {
    class Organisation {
      id = 3
      name = 'ACME'
    }
    const date = new Date('2026-11-20T10:00:00.123Z')
    const { send, logger } = sending()
    const event = send('ORGANISATION_LOGIN', {
      instance: new Organisation(),
      user: { id: 7 },
      date,
      reason: 'invited',
      plan: 'trial',
      seats: 5,
    })
    expect(event).toEqual({
      v: 1,
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      date: date.toISOString(),
      action: 'ORGANISATION_LOGIN',
      outcome: 'success',
      reason: 'invited',
      user: { pk: '7', type: 'user' },
      instance: { model: 'Organisation', pk: '3', fields: ['id', 'name'], timestamp: expect.any(String) },
      content: { plan: 'trial', seats: 5 },
    })
    expect(logger.warn).not.toHaveBeenCalled()
  })

  it('needs nothing but an action, and takes dates as text and number', () => {
    const { send, logger } = sending()
    expect(send('A')).not.toHaveProperty('content')
    expect(send('A', { outcome: 'failure' })?.outcome).toBe('failure')
    expect(send('A', { date: '2026-01-01' })?.date).toBe('2026-01-01T00:00:00.000Z')
    expect(send('A', { date: 0 })?.date).toBe('1970-01-01T00:00:00.000Z')
    expect(logger.warn).not.toHaveBeenCalled()
  })

  it.each<[string, unknown, unknown, RegExp]>([
    ['no action', undefined, undefined, /no action/],
    ['an empty action', '  ', {}, /empty text/],
    ['an action that is no text', 5, {}, /a number/],
    ['fields that are a text', 'A', 'oops', /a string/],
    ['fields that are a list', 'A', [1], /a list/],
    ['a date that is none', 'A', { date: 'soon' }, /date/],
    ['a date of another kind', 'A', { date: {} }, /date/],
    ['a reason that is no text', 'A', { reason: { code: 5 } }, /reason/],
    ['an unknown outcome', 'A', { outcome: 'maybe' }, /outcome/],
    ['an instance that is none', 'A', { instance: 5 }, /instance/],
    ['an instance that throws', 'A', { instance: new Proxy({}, { get: throwing, ownKeys: throwing }) }, /instance/],
    [
      'a user that throws',
      'A',
      {
        get user() {
          return throwing()
        },
      },
      /user could not be read/,
    ],
  ])('with %s is reported once and leaves an event that says so', (_, action, fields, problem) => {
    const { send, logger } = sending()
    const event = send(action, fields)
    expect(event?.action).toBe(action === 'A' ? 'A' : 'AUDIT_INVALID_CALL')
    expect(event).toMatchObject({
      outcome: 'failure',
      coverage: 'partial',
      coverage_reason: expect.stringMatching(problem),
    })
    expect(event?.reason).toBeTruthy()
    send(action, fields)
    expect(logger.warn).toHaveBeenCalledTimes(1)
    expect(logger.warn.mock.calls[0]).toEqual([
      expect.objectContaining({
        code: 'AUDIT_INVALID_CALL',
        method: 'sendLog',
        problem: expect.stringMatching(problem),
      }),
      expect.stringContaining('docs/events.md'),
    ])
  })

  it('keeps what was given in a wrong call', () => {
    const { send } = sending()
    expect(send(undefined, { plan: 'trial' })?.content).toEqual({ plan: 'trial' })
    expect(send('A', 'oops')?.content).toEqual({ given: 'oops' })
    expect(send('A', { reason: { code: 5 } })?.reason).toBe('{"code":5}')
  })

  it('survives content that nothing can serialise, and says what could not be read', () => {
    const { send, logger } = sending()
    const circular: Record<string, unknown> = {
      big: 1n,
      get bad() {
        return throwing()
      },
      when: new Date('x'),
    }
    circular.self = circular
    const event = send('A', circular)
    expect(event?.content).toEqual({ big: '1', bad: '[Unreadable]', when: 'Invalid Date', self: expect.anything() })
    expect(event?.coverage_reason).toContain('content.bad could not be read')
    expect(logger.warn).toHaveBeenCalledTimes(1)
    expect(send('A', new Proxy({}, { get: throwing, ownKeys: throwing }))?.coverage).toBe('partial')
  })

  it('masks secrets of the content wherever they stand', () => {
    const { send, queue } = sending()
    send('A', { password: 'hunter2!', reason: 'tried hunter2!', url: '/x?token=abcdef' })
    expect(JSON.stringify(queue.pushes)).not.toMatch(/hunter2|abcdef/)
  })

  it('never throws, not even when everything it stands on does', () => {
    const { sender, logger } = sending()
    sender.recorder.capture = throwing
    sendEvent(sender, { method: 'sendLog', action: 'A', fields: {} })
    expect(logger.warn.mock.calls[0]?.[0]).toMatchObject({ code: 'AUDIT_CAPTURE_FAILED' })
  })
})

describe('logins', () => {
  it('tell the user, and anything else as content', () => {
    const { sender, last } = sending()
    logLogin(sender, { id: 7, username: 'ann' }, { method: 'password' })
    expect(last()).toMatchObject({
      action: 'USER_LOGIN',
      outcome: 'success',
      user: { pk: '7', username: 'ann' },
      content: { method: 'password' },
    })
    logLogout(sender, { id: 7 })
    expect(last()).toMatchObject({ action: 'USER_LOGOUT', outcome: 'success', user: { pk: '7' } })
  })

  it('take the user of the context when none is given', () => {
    const { sender, last, logger } = sending()
    runWithContext({ user: { id: 9 } }, () => logLogout(sender, undefined))
    expect(last()?.user).toEqual({ pk: '9', type: 'user' })
    expect(logger.warn).not.toHaveBeenCalled()
  })

  it('of nobody are wrong calls', () => {
    const { sender, last, logger } = sending()
    logLogin(sender, undefined)
    expect(last()).toMatchObject({
      action: 'USER_LOGIN',
      outcome: 'failure',
      reason: 'no user was given',
      coverage: 'partial',
    })
    expect(logger.warn).toHaveBeenCalledTimes(1)
  })

  it('that failed are anonymous, with the name that was tried and the address', () => {
    const { sender, last } = sending()
    runWithContext({ user: { id: 1 }, request: { ip: '10.0.0.9', url: '/login' } }, () =>
      logLoginFailed(sender, { username: 'ann', reason: 'wrong: hunter2', password: 'hunter2', attempts: 3 }),
    )
    expect(last()).toMatchObject({
      action: 'USER_LOGIN_FAILED',
      outcome: 'failure',
      reason: 'wrong: ***',
      request: { url: '/login' },
    })
    expect(last()?.user).toEqual({ type: 'anonymous', username: 'ann', ip: '10.0.0.9' })
    expect(last()?.content).toEqual({ password: '***', attempts: 3 })
  })

  it('that failed without a word are wrong calls', () => {
    const { sender, last, logger } = sending()
    logLoginFailed(sender, undefined)
    expect(last()).toMatchObject({
      action: 'USER_LOGIN_FAILED',
      outcome: 'failure',
      user: { type: 'anonymous' },
      coverage: 'partial',
    })
    expect(logger.warn).toHaveBeenCalledTimes(1)
  })
})
