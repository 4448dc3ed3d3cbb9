import { afterEach, describe, expect, it, vi } from 'vitest'
import { loadSettings } from '../../../config/settings'
import { runWithContext } from '../../../src/context/context'
import { openLoggers } from '../../../src/event-logger'
import { onlyProblem } from '../config/support'
import { auditing } from '../events/support'

class Session {
  id = 1
}

afterEach(() => {
  vi.restoreAllMocks()
  openLoggers.clear()
})

describe('skipActions', () => {
  it('leaves out these actions, and numbers a transaction without gaps', () => {
    const { audit, queue } = auditing({ skipActions: ['NOISE', 'OBJ_VIEWED'] })
    audit.event('NOISE')
    audit.sendLog('NOISE')
    audit.viewed({ id: 1 })
    const { recorder } = audit
    recorder.deliver(
      ['A', 'NOISE', 'B'].map((action) => recorder.capture({ action })),
      'tx',
    )
    recorder.deliver([recorder.capture({ action: 'NOISE' })], 'tx')
    expect(queue.events.map(({ action, transaction }) => [action, transaction?.n])).toEqual([
      ['A', 1],
      ['B', 2],
    ])
  })

  it('is read from the environment, and takes nothing of the logger itself', () => {
    expect(loadSettings({}, { AUDIT_LOGGER_SKIP_ACTIONS: 'NOISE, MORE_NOISE' }).skipActions).toEqual([
      'NOISE',
      'MORE_NOISE',
    ])
    for (const skipActions of [['AUDIT_SUSPENDED'], [''], [' X'], 5]) {
      const problem = onlyProblem({ skipActions: skipActions as never })
      expect(problem).toMatchObject({ code: 'AUDIT_SETTING_INVALID', option: 'skipActions' })
    }
  })
})

describe('skip', () => {
  it('is asked with the context and the action', () => {
    const skip = vi.fn(({ request }: { request?: { readonly [field: string]: unknown } | undefined }) => {
      return request?.url === '/health'
    })
    const { audit, queue } = auditing({ skip })
    runWithContext({ request: { url: '/health' } }, () => audit.event('A'))
    runWithContext({ request: { url: '/pay' }, user: 7 }, () => audit.event('B'))
    audit.event('C')
    expect(queue.events.map(({ action }) => action)).toEqual(['B', 'C'])
    expect(skip.mock.calls.map(([context, action]: unknown[]) => [context, action])).toEqual([
      [{ request: { url: '/health' } }, 'A'],
      [{ request: { url: '/pay' }, user: 7 }, 'B'],
      [{}, 'C'],
    ])
  })

  it('cannot leave out what the logger tells of itself', () => {
    const { audit, queue } = auditing({ skip: () => true })
    audit.event('A')
    audit.suspend(() => undefined, { reason: 'import' })
    expect(queue.events.map(({ action }) => action)).toEqual(['AUDIT_SUSPENDED'])
  })

  it.each<[string, () => unknown, RegExp]>([
    [
      'throws',
      () => {
        throw new Error('broken')
      },
      /broken/,
    ],
    ['is asynchronous', async () => Promise.reject(new Error('late')), /promise/],
    ['returns no answer', () => undefined, /undefined/],
  ])('that %s skips nothing and is reported once', (_, skip, problem) => {
    const { audit, queue, logger, codes } = auditing({ skip: skip as never })
    audit.event('A')
    audit.event('B')
    expect(queue.events).toHaveLength(2)
    expect(codes()).toEqual(['AUDIT_SKIP_FAILED'])
    expect(logger.warn.mock.calls[0]?.[1]).toMatch(problem)
  })
})

describe('exclude', () => {
  it('holds for views and values of an entity too', () => {
    const { audit, queue } = auditing({ exclude: ['Session'] })
    audit.viewed(new Session())
    audit.fields(new Session(), ['id'])
    audit.event('SESSION_ENDED', { instance: new Session() })
    expect(queue.events.map(({ action }) => action)).toEqual(['SESSION_ENDED'])
  })
})

describe('sampling', () => {
  it('records that part of the read events, each with its rate, and all others', () => {
    const { audit, queue } = auditing({ sampling: { OBJ_VIEWED: 0.25, DATA_EXPORTED: 1 } })
    const random = vi.spyOn(Math, 'random')
    for (const value of [0.24, 0.25, 0.9, 0]) {
      random.mockReturnValueOnce(value)
      audit.viewed({ id: value }, { at: value })
    }
    audit.exported({ type: 'x' })
    audit.event('A')
    expect(queue.events.map(({ action, content }) => [action, content])).toEqual([
      ['OBJ_VIEWED', { at: 0.24, sample_rate: 0.25 }],
      ['OBJ_VIEWED', { at: 0, sample_rate: 0.25 }],
      ['DATA_EXPORTED', { type: 'x' }],
      ['A', undefined],
    ])
  })

  it('is read from the environment as pairs or JSON', () => {
    for (const text of ['OBJ_VIEWED=0.1, DATA_EXPORTED=1', '{"OBJ_VIEWED":0.1,"DATA_EXPORTED":1}']) {
      expect(loadSettings({}, { AUDIT_LOGGER_SAMPLING: text }).sampling).toEqual({ OBJ_VIEWED: 0.1, DATA_EXPORTED: 1 })
    }
  })

  it.each<[unknown]>([
    [{ OBJ_UPDATE: 0.5 }],
    [{ USER_LOGIN: 0.5 }],
    [{ OBJ_VIEWED: 1.5 }],
    [{ OBJ_VIEWED: -0.1 }],
    [{ OBJ_VIEWED: '0.5' }],
    [{ OBJ_VIEWED: Number.NaN }],
    ['OBJ_VIEWED'],
    ['OBJ_VIEWED=0.1=2'],
    ['OBJ_UPDATE=0.1'],
    ['{"OBJ_VIEWED":'],
    [0.5],
    [['OBJ_VIEWED']],
  ])('refuses %o with a settings problem', (sampling) => {
    const problem = onlyProblem({ sampling: sampling as never })
    expect(problem).toMatchObject({
      code: 'AUDIT_SETTING_INVALID',
      option: 'sampling',
      accepted: expect.stringContaining('read events alone'),
    })
  })
})
