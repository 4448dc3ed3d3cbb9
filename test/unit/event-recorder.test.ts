import { describe, expect, it, vi } from 'vitest'
import type { AuditLoggerOptions } from '../../config/settings'
import { runWithContext, setContextUser } from '../../src/context/context'
import { EventRecorder } from '../../src/event-recorder'
import type { Moment, Observation } from '../../src/recorder'
import { finishSpareTime } from '../../src/spare-time'
import { MemoryQueue, settingsWith, spyLogger } from './fakes'

function recording(options: AuditLoggerOptions = {}) {
  const logger = spyLogger()
  const queue = new MemoryQueue()
  const settings = settingsWith({ logger, ...options })
  const recorder = new EventRecorder({ settings, queue, dataSources: () => [], clock: () => 1_700_000_000_000 })
  const record = (observation: Partial<Observation> = {}) => {
    recorder.deliver([recorder.capture({ action: 'TEST', ...observation })])
    return queue.events.at(-1)
  }
  return { logger, queue, settings, recorder, record }
}

describe('a captured event', () => {
  it('knows its time from the clock, or from what was observed', () => {
    const { record } = recording()
    expect(record()?.date).toBe('2023-11-14T22:13:20.000Z')
    expect(record({ date: new Date(5) })?.date).toBe('1970-01-01T00:00:00.005Z')
  })

  it('says when the date given was no date', () => {
    const event = recording().record({ date: new Date('x') })
    expect(event).toMatchObject({ date: '2023-11-14T22:13:20.000Z', coverage: 'partial' })
    expect(event?.coverage_reason).toContain('date')
  })

  it('has no user outside of a context, and the right one without a user in it', () => {
    const { record } = recording()
    expect(record()).not.toHaveProperty('user')
    expect(runWithContext({}, () => record())).not.toHaveProperty('user')
    expect(runWithContext({ entryPoint: 'http' }, () => record())?.user).toEqual({ type: 'anonymous' })
    expect(runWithContext({ entryPoint: 'job' }, () => record())).toMatchObject({
      user: { type: 'system' },
      entry_point: 'job',
    })
  })

  it('reads the actor when it is made: a user set later counts from there on', () => {
    const { record, queue } = recording()
    runWithContext({ request: { id: 'r1', ip: '10.0.0.9' } }, () => {
      record()
      setContextUser({ id: 7, username: 'ann' })
      record()
      record({ user: { id: 8 } })
      record({ user: null })
    })
    expect(queue.events.map((event) => event.user)).toEqual([
      { type: 'anonymous', ip: '10.0.0.9' },
      { type: 'user', pk: '7', username: 'ann', ip: '10.0.0.9' },
      { type: 'user', pk: '8', ip: '10.0.0.9' },
      { type: 'anonymous', ip: '10.0.0.9' },
    ])
    expect(queue.events[0]).toMatchObject({ request: { id: 'r1' }, entry_point: 'http' })
  })

  it('merges the extra content of its context, and its own wins', () => {
    const { record } = recording()
    const event = runWithContext({ extra: { a: 1, b: 1 } }, () =>
      runWithContext({ extra: { b: 2, c: 2 } }, () => record({ content: { c: 3 } })),
    )
    expect(event?.content).toEqual({ a: 1, b: 2, c: 3 })
    expect(record()).not.toHaveProperty('content')
  })

  it('holds what was true when it was captured', () => {
    const { recorder, queue } = recording()
    const content = { list: [1] }
    const user = { id: 7, username: 'before' }
    const captured = recorder.capture({ action: 'TEST', content, user })
    content.list.push(2)
    user.username = 'after'
    recorder.deliver([captured])
    expect(queue.events[0]).toMatchObject({ content: { list: [1] }, user: { username: 'before' } })
  })

  it('says which values could not be read, and that is reported once', () => {
    const { record, logger } = recording()
    const broken = () => ({
      get bad(): unknown {
        throw new Error('no')
      },
    })
    expect(record({ content: { inner: broken() } })).toMatchObject({
      content: { inner: { bad: '[Unreadable]' } },
      coverage: 'partial',
      coverage_reason: 'content.inner.bad could not be read',
    })
    expect(record({ content: broken(), coverageReason: 'no before-image' })?.coverage_reason).toBe(
      'no before-image; content.bad could not be read',
    )
    expect(logger.warn).toHaveBeenCalledTimes(1)
    expect(logger.warn.mock.calls[0]?.[0]).toMatchObject({ code: 'AUDIT_VALUE_UNREADABLE', path: 'content.inner.bad' })
  })

  it.each<[string, object]>([
    [
      'a user',
      {
        get user(): unknown {
          throw new Error('no user')
        },
      },
    ],
    [
      'a request',
      {
        request: new Proxy(
          {},
          {
            get: () => {
              throw new Error('no request')
            },
          },
        ),
      },
    ],
    ['an entry point', { entryPoint: 'websocket' }],
  ])('survives a context of which %s cannot be used, and says so', (_, context) => {
    const { record, logger } = recording()
    const [first] = runWithContext(context, () => [record({ content: { kept: true } }), record()])
    expect(first).toMatchObject({ action: 'TEST', content: { kept: true }, coverage: 'partial' })
    expect(logger.warn).toHaveBeenCalledTimes(1)
    expect(logger.warn.mock.calls[0]?.[0]).toMatchObject({ code: 'AUDIT_CAPTURE_FAILED' })
  })

  it('is still made when nothing of it can be', () => {
    const { record, logger } = recording()
    const changes = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('hostile')
        },
      },
    )
    expect(record({ changes })).toMatchObject({
      v: 1,
      action: 'TEST',
      coverage: 'partial',
      coverage_reason: expect.stringContaining('hostile'),
    })
    expect(logger.warn).toHaveBeenCalledTimes(1)
  })

  it('tells where in the application it was captured, if that is switched on', () => {
    const event = recording({ stack: true }).record()
    expect(event?.stack?.[0]).toMatch(/^test\/unit\/event-recorder\.test\.ts:\d+ (Object\.)?record$/)
    expect(event?.stack?.join()).not.toMatch(/node_modules|node:|src\//)
    expect(recording().record()).not.toHaveProperty('stack')
  })

  it('takes what the resolver throws as little as a broken logger to the caller', () => {
    const logger = {
      ...spyLogger(),
      warn: () => {
        throw new Error('logger broke')
      },
    }
    const { record } = recording({
      logger,
      actorResolver: () => {
        throw new Error('resolver broke')
      },
    })
    expect(record({ user: { id: 7 } })?.user).toEqual({ pk: '7', type: 'user' })
  })
})

describe('deliver', () => {
  it('pushes all events in one call, numbered from 1 without gaps', () => {
    const { recorder, queue } = recording()
    const events = ['A', 'B', 'C'].map((action) => recorder.capture({ action }))
    recorder.deliver(
      [events[0], events[2]].filter((event) => event !== undefined),
      'tx-1',
    )
    expect(queue.pushes).toHaveLength(1)
    expect(queue.events.map(({ action, transaction }) => [action, transaction])).toEqual([
      ['A', { id: 'tx-1', n: 1 }],
      ['C', { id: 'tx-1', n: 2 }],
    ])
  })

  it('pushes nothing for no events', () => {
    const { recorder, queue } = recording()
    recorder.deliver([])
    expect(queue.pushes).toEqual([])
  })

  it('waits for organisations of all events of a delivery, and keeps them together', async () => {
    const { recorder, queue } = recording({ userOrganisationField: ['organisation'] })
    const late = { id: 1, organisation: Promise.resolve({ id: 2, name: 'Late' }) }
    recorder.deliver([recorder.capture({ action: 'A', user: late }), recorder.capture({ action: 'B' })], 'tx-1')
    expect(queue.pushes).toEqual([])
    await recorder.flush()
    expect(queue.pushes).toHaveLength(1)
    expect(queue.events[0]).toMatchObject({
      user: { pk: '1', organisation: 'Late', organisation_id: '2' },
      transaction: { n: 1 },
    })
    expect(queue.events[1]).toMatchObject({ action: 'B', transaction: { n: 2 } })
  })

  it('replaces masked values in an organisation that comes later, too', async () => {
    const { recorder, queue } = recording({ userOrganisationField: ['organisation'] })
    const user = { id: 1, organisation: Promise.resolve('Firm hunter2') }
    recorder.deliver([recorder.capture({ action: 'A', user, content: { password: 'hunter2' } })])
    await recorder.flush()
    expect(queue.events[0]?.user?.organisation).toBe('Firm ***')
  })

  it('reports a queue that throws, which it should not, and lets nothing out', () => {
    const { recorder, queue, logger } = recording()
    queue.push = () => {
      throw new Error('broken queue')
    }
    recorder.deliver([recorder.capture({ action: 'A' })])
    expect(logger.warn.mock.calls[0]?.[0]).toMatchObject({ code: 'AUDIT_DELIVERY_FAILED', count: 1 })
  })
})

describe('an event that is captured to be read soon', () => {
  const seen = (given: string | undefined): Observation | undefined =>
    given === undefined ? undefined : { action: given }

  it('has the actor, the request and the time of its capture, whenever it is read', () => {
    const { queue, settings } = recording()
    let now = 1_700_000_000_000
    const recorder = new EventRecorder({ settings, queue, dataSources: () => [], clock: () => now })
    const user = { id: 7, username: 'before' }
    const captured = runWithContext({ user, request: { id: 'r1' }, extra: { plan: 'trial' } }, () => {
      const moment = recorder.moment() as Moment
      return recorder.captureSoon(moment, seen)('TEST', false)
    })
    user.username = 'after'
    now += 60_000
    recorder.deliver([captured])
    expect(queue.events[0]).toMatchObject({
      date: '2023-11-14T22:13:20.000Z',
      user: { pk: '7', username: 'before' },
      request: { id: 'r1' },
      content: { plan: 'trial' },
    })
  })

  it('is delivered in the order of capture and delivery, between others', () => {
    const { recorder, queue } = recording()
    const soon = recorder.captureSoon(recorder.moment() as Moment, seen)
    const first = soon('FIRST', false)
    recorder.deliver([first, recorder.capture({ action: 'SECOND' })], 't')
    recorder.deliver([recorder.capture({ action: 'THIRD' })])
    const { events } = queue
    expect(events.map(({ action, transaction }) => [action, transaction?.n])).toEqual([
      ['FIRST', 1],
      ['SECOND', 2],
      ['THIRD', undefined],
    ])
    expect(events.map(({ id }) => id)).toEqual(events.map(({ id }) => id).toSorted())
  })

  it('leaves no gap where there turns out to be nothing to tell', () => {
    const { recorder, queue } = recording()
    const soon = recorder.captureSoon(recorder.moment() as Moment, (given: string) => seen(given || undefined))
    recorder.deliver([soon('A', false), soon('', false), soon('B', true)], 't')
    expect(queue.events.map(({ action, transaction }) => [action, transaction?.n])).toEqual([
      ['A', 1],
      ['B', 2],
    ])
  })

  it('is never read when it is not delivered, and at once when that is asked', () => {
    const { recorder } = recording()
    const read: string[] = []
    const soon = recorder.captureSoon(recorder.moment() as Moment, (given: string) => {
      read.push(given)
      return undefined
    })
    soon('rolled back', false)
    soon('heavy', true)
    finishSpareTime()
    expect(read).toEqual(['heavy'])
  })

  it('has the queue made before it is written: while the process exits it would be too late', () => {
    const { recorder, queue } = recording()
    const opened = vi.fn()
    Object.assign(queue, { open: opened })
    const soon = recorder.captureSoon(recorder.moment() as Moment, seen)
    recorder.deliver([soon('A', false)])
    recorder.deliver([soon('B', false)])
    expect(opened).toHaveBeenCalledTimes(1)
  })

  it('is on its way before flush() resolves', async () => {
    const { recorder, queue } = recording()
    recorder.deliver([recorder.captureSoon(recorder.moment() as Moment, seen)('TEST', false)])
    await recorder.flush()
    expect(queue.pushes).toHaveLength(1)
  })

  it('of which reading fails does not take the others with it', () => {
    const { recorder, queue, logger } = recording()
    const soon = recorder.captureSoon(recorder.moment() as Moment, (given: string) => {
      if (given === 'BROKEN') throw new Error('boom')
      return seen(given)
    })
    recorder.deliver([soon('A', false), soon('BROKEN', false), soon('B', false)])
    expect(queue.events.map(({ action }) => action)).toEqual(['A', 'B'])
    expect(logger.warn).toHaveBeenCalledWith(
      expect.objectContaining({ code: 'AUDIT_DELIVERY_FAILED', count: 1 }),
      expect.anything(),
    )
  })

  it.each<[string, AuditLoggerOptions]>([
    ['strict', { strict: true }],
    ['a skip function', { skip: () => false }],
    ['changes that are skipped', { skipActions: ['OBJ_UPDATE'] }],
  ])('is not possible with %s', (_, options) => {
    expect(recording(options).recorder.moment()).toBeUndefined()
  })

  it('is possible with switches that are not for changes', () => {
    const options = { sampling: { OBJ_VIEWED: 0.5 }, skipActions: ['OBJ_VIEWED'], exclude: ['Invoice'] }
    expect(recording(options).recorder.moment()).toBeDefined()
  })

  it('is not possible where the context cannot be read: the event has to say so', () => {
    const { recorder, queue, logger } = recording()
    const context = {
      get user(): unknown {
        throw new Error('boom')
      },
    }
    runWithContext(context, () => {
      expect(recorder.moment()).toBeUndefined()
      expect(logger.warn).not.toHaveBeenCalled()
      recorder.deliver([recorder.capture({ action: 'TEST' })])
    })
    expect(queue.events[0]?.coverage_reason).toContain('boom')
  })
})
