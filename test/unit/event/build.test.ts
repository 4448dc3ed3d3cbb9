import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildEvent, type RawEvent } from '../../../src/event/build'
import type { AuditEvent } from '../../../src/event/event'
import { isoDate, newEventId } from '../../../src/event/serialise'
import { snapshot } from '../../../src/event/values'

function lineOf(raw: Partial<RawEvent>): string {
  const built = buildEvent({ id: newEventId(), date: isoDate(0), action: 'TEST', coverage: [], ...raw })
  return built.close()
}

function eventOf(raw: Partial<RawEvent>): AuditEvent {
  return JSON.parse(lineOf(raw)) as AuditEvent
}

const CANARY = 'canary-4711-secret'

/** Anything a caller may hand over, in any nesting. */
const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withNullPrototype: true,
  withObjectString: true,
  withSparseArray: true,
  withUnicodeString: true,
  withBoxedValues: true,
  key: fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('__proto__', 'toJSON', 'constructor', 'password', 'url', '\ud800'),
  ),
  values: [
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.constant('\ud800\n\u2028'),
    fc.date({ noInvalidDate: false }),
    fc.constant(Symbol('s')),
  ],
})

describe('an event line', () => {
  it('begins with v, id, date and action, and has the order of the format', () => {
    const line = lineOf({ outcome: 'success', content: { a: 1 }, user: { pk: '7', type: 'user' }, reason: 'because' })
    expect(line).toMatch(
      /^\{"v":1,"id":"[0-9a-f-]{36}","date":"1970-01-01T00:00:00.000Z","action":"TEST","outcome":"success","reason":"because","content":\{"a":1\},"user":\{"pk":"7","type":"user"\}\}$/,
    )
  })

  it('is one line of well-formed JSON that comes back as it was taken, whatever the content', {
    timeout: 60_000,
  }, () => {
    fc.assert(
      fc.property(anything, (value) => {
        const line = lineOf({ content: { value }, changes: { value: { from: value, to: value } }, action: '\ud800' })
        expect(line).not.toMatch(/[\n\r]/)
        expect(line.isWellFormed()).toBe(true)
        const event = JSON.parse(line, (key, part: unknown) => {
          expect(`${key} ${typeof part === 'string' ? part : ''}`.isWellFormed()).toBe(true)
          return part
        }) as AuditEvent
        expect(event.v).toBe(1)
        if (event.masked === undefined) {
          const expected = value === undefined ? {} : { value: snapshot(value) }
          expect(JSON.stringify(event.content)).toBe(JSON.stringify(expected))
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('does not change what it was made of', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (content) => {
        const before = structuredClone(content)
        lineOf({ content: content as Record<string, unknown> })
        expect(content).toEqual(before)
      }),
    )
  })

  it('survives an object that reads differently each time', () => {
    let reads = 0
    const content = {
      get changing() {
        reads += 1
        return reads === 1 ? 'plain' : 5n
      },
    }
    expect(eventOf({ content }).content).toEqual({ changing: '5' })
  })
})

describe('masking an event', () => {
  it('leaves a secret in no field, wherever it stands', () => {
    const line = lineOf({
      content: {
        password: CANARY,
        note: `it is ${CANARY}!`,
        [CANARY]: 1,
        nested: [{ deep: new Map([['x', CANARY]]) }],
      },
      changes: { name: { from: `was ${CANARY}`, to: 'x' } },
      reason: `wrong: ${CANARY}`,
      request: { url: `/x?q=${encodeURIComponent(CANARY)}`, user_agent: CANARY },
      instance: { model: 'User', pk: '1', name: CANARY, fields: ['a'], timestamp: isoDate(0) },
      user: { pk: '1', username: CANARY },
      coverage: [`failed at ${CANARY}`],
    })
    expect(line).not.toContain(CANARY)
    const event = JSON.parse(line) as AuditEvent
    expect(event.content?.password).toBe('***')
    expect(event.reason).toBe('wrong: ***')
    expect(event.masked).toEqual(
      expect.arrayContaining([
        'content.password',
        'content.note',
        'reason',
        'request.url',
        'instance.name',
        'user.username',
      ]),
    )
  })

  it('masks properties whose names say that they are secret without any decorator', () => {
    const event = eventOf({
      changes: { passwordHash: { from: null, to: CANARY }, hasPassword: { from: false, to: true } },
    })
    expect(event.changes).toEqual({ passwordHash: { from: null, to: '***' }, hasPassword: { from: false, to: true } })
    expect(event.masked).toEqual(['changes.passwordHash'])
  })

  it('replaces what the capture path has masked in all other fields', () => {
    const event = eventOf({
      changes: { iban: { to: '***' } },
      masked: ['changes.iban'],
      secrets: ['DE02120300000000202051'],
      instance: {
        model: 'Account',
        name: 'Account DE02120300000000202051',
        pk: '9',
        fields: ['iban'],
        timestamp: isoDate(0),
      },
    })
    expect(event.instance?.name).toBe('Account ***')
    expect(event.masked).toEqual(['changes.iban', 'instance.name'])
  })

  it('keeps keys and types, so that an event can still be told whose it is', () => {
    const event = eventOf({
      content: { pin: '7' },
      instance: { model: 'User', pk: '7', fields: ['pin'], timestamp: isoDate(0) },
      user: { pk: '7', type: 'user' },
    })
    expect(event.instance?.pk).toBe('7')
    expect(event.user).toEqual({ pk: '7', type: 'user' })
  })

  it('masks addresses and query parameters in content, reason and request', () => {
    const event = eventOf({
      content: { next_url: '/pay?token=abcdef', dsn: 'postgres://u:pw1234@db/x' },
      reason: 'could not call https://h/x?api_key=zzz999',
      request: { url: '/pay?session_token=abcdef&page=2' },
    })
    expect(event.content).toEqual({ next_url: '/pay?token=***', dsn: 'postgres://***@db/x' })
    expect(event.reason).toBe('could not call https://h/x?api_key=***')
    expect(event.request).toEqual({ url: '/pay?session_token=***&page=2' })
  })

  it('writes neither masked nor truncated when there is nothing to say', () => {
    expect(Object.keys(eventOf({ content: { a: 1 } }))).toEqual(['v', 'id', 'date', 'action', 'content'])
  })
})

describe('event ids and dates', () => {
  it('sort in the order of capture, within one millisecond too', () => {
    const ids = Array.from({ length: 2_000 }, newEventId)
    expect(ids).toEqual([...ids].sort())
    expect(new Set(ids).size).toBe(2_000)
  })

  it('are written in UTC with milliseconds', () => {
    expect([isoDate(1), isoDate(2), isoDate(1)].map((text) => text.slice(-5))).toEqual(['.001Z', '.002Z', '.001Z'])
  })
})
