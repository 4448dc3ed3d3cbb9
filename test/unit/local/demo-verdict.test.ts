import { describe, expect, it } from 'vitest'
import type { Expected } from '../../../local/demo/expected'
import { isRight, judge } from '../../../local/demo/verdict'

const user = { pk: '1', type: 'user', username: 'ada', organisation: 'Acme' }
const invoice = { model: 'Invoice', pk: '7', name: 'A-7', fields: [], timestamp: '' }
const line = (id: string, parts: object = {}) =>
  JSON.stringify({
    v: 1,
    id,
    date: '2026-11-20T10:00:00.000Z',
    action: 'OBJ_CREATE',
    user,
    instance: invoice,
    ...parts,
  })
const created: Expected = { action: 'OBJ_CREATE', who: 'ada', organisation: 'Acme', what: 'Invoice A-7' }
const one = { expected: [created], accepted: [line('a')], stored: [line('a')], absent: [] }

describe("the demo's verdict", () => {
  it('is right when exactly what was expected was captured and stored', () => {
    const verdict = judge(one)
    expect(verdict).toEqual({ accepted: 1, stored: 1, missing: [], extra: [] })
    expect(isRight(verdict)).toBe(true)
  })

  it.each([
    ['an accepted event that is not stored', { stored: [] }, 'missing', /^not stored: OBJ_CREATE · ada .*\(a\)$/],
    ['an event stored twice', { stored: [line('a'), line('a')] }, 'extra', /twice: .*\(a\)$/],
    ['a stranger in the stream', { stored: [line('a'), line('b')] }, 'extra', /never accepted.*\(b\)$/],
    ['something in the stream that is no event', { stored: [line('a'), 'hello'] }, 'extra', /hello/],
    [
      'an expected event that was never captured',
      { accepted: [], stored: [] },
      'missing',
      /^never captured: OBJ_CREATE/,
    ],
    ['an event that nobody expected', { expected: [] }, 'extra', /^captured against expectation: OBJ_CREATE/],
    ['a text that must not be stored', { absent: ['A-7'] }, 'extra', /must not be: A-7$/],
  ] as const)('notices %s', (_, change, side, text) => {
    const verdict = judge({ ...one, ...change })
    expect(verdict[side]).toEqual([expect.stringMatching(text)])
    expect(verdict[side === 'missing' ? 'extra' : 'missing']).toEqual([])
    expect(isRight(verdict)).toBe(false)
  })

  it.each([
    ['who', { user: { ...user, username: 'bob' } }],
    ['kind of actor', { user: { ...user, type: 'anonymous' } }],
    ['organisation', { user: { ...user, organisation: 'Globex' } }],
    ['instance', { instance: { ...invoice, name: 'A-8' } }],
    ['action', { action: 'OBJ_DELETE' }],
  ])('notices an event with the wrong %s, though it was stored as it was captured', (_, parts) => {
    const verdict = judge({ ...one, accepted: [line('a', parts)], stored: [line('a', parts)] })
    expect(verdict.missing).toHaveLength(1)
    expect(verdict.extra).toHaveLength(1)
  })

  it('notices an update of other properties than expected', () => {
    const update = { action: 'OBJ_UPDATE', changes: { total: { from: '1', to: '2' } } }
    const expected = [{ ...created, action: 'OBJ_UPDATE', changed: ['total'] }]
    const evidence = { ...one, expected, accepted: [line('a', update)], stored: [line('a', update)] }
    expect(isRight(judge(evidence))).toBe(true)
    expect(isRight(judge({ ...evidence, expected: [{ ...created, action: 'OBJ_UPDATE', changed: ['note'] }] }))).toBe(
      false,
    )
  })

  it('notices a single changed byte', () => {
    const verdict = judge({ ...one, stored: [line('a', { reason: 'changed on the way' })] })
    expect([verdict.missing.length, verdict.extra.length]).toEqual([1, 1])
  })
})
