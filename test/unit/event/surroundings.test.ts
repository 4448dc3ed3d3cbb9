import { describe, expect, it } from 'vitest'
import type { ParsedMaskRule } from '../../../config/mask'
import { buildEvent, type RawEvent } from '../../../src/event/build'
import { Masking } from '../../../src/event/masking'
import { isoDate, newEventId } from '../../../src/event/serialise'
import { type RawSurroundings, Surroundings } from '../../../src/event/surroundings'

const rule = (path: string): ParsedMaskRule => ({ path: path.split('.'), mode: 'redact', keep: 4 })
const trace = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }
const request = { id: 'r-1', method: 'POST', url: '/bills/7?page=2', user_agent: 'curl' }
const own: Omit<RawEvent, 'id' | 'date'> = {
  action: 'OBJ_UPDATE',
  instance: { model: 'Bill', table: 'bill', pk: '7', fields: ['note'], timestamp: isoDate(0) },
  changes: { note: { from: 'old', to: 'new' } },
  coverage: [],
}

/** The same event, read whole and within surroundings that were made ready. */
function bothWays(around: RawSurroundings, more: Partial<RawEvent> = {}, masking = new Masking()) {
  const raw = { ...own, ...more, id: newEventId(), date: isoDate(0) }
  const ready = Surroundings.of(around, masking)
  const whole = buildEvent({ ...raw, ...around }, masking).close()
  return { whole, within: ready && buildEvent({ ...raw, around: ready }, masking).close() }
}

describe('an event within surroundings that were made ready', () => {
  it.each<[string, RawSurroundings]>([
    ['nothing', {}],
    ['a user', { user: { pk: '42', type: 'user', username: 'jane', is_staff: true, ip: '10.0.0.9' } }],
    [
      'an impersonator',
      { user: { pk: '42', type: 'user', impersonator: { pk: '1', type: 'user', username: 'root' } } },
    ],
    ['a request', { request, entryPoint: 'http', user: { type: 'anonymous' } }],
    ['everything', { request, entryPoint: 'http', trace, stack: ['src/a.ts:1 f'], content: { plan: { id: 1 } } }],
    ['a span that is not known', { trace: { traceId: trace.traceId } }],
    ['values that JSON has not', { content: { at: new Date(0), n: 1n, nothing: undefined } }],
  ])('is the one that is read whole: %s', (_, around) => {
    const { whole, within } = bothWays(around)
    expect(within).toBe(whole)
  })

  it('hides in them what the row has as a secret', () => {
    const around = {
      request: { ...request, url: '/bills/horse9battery', route: '/bills/:id' },
      content: { note: 'his horse9battery', 'horse9battery at': 1 },
      stack: ['horse9battery'],
      user: { pk: 'horse9battery', type: 'user', username: 'horse9battery' },
    } as const
    const { whole, within } = bothWays(structuredClone(around) as never, {
      changes: { password: { from: null, to: 'horse9battery' } },
    })
    const read = (line: string | undefined) => JSON.parse(line ?? '{}') as { masked: string[] }
    const sorted = ({ masked, ...event }: { masked: string[] }) => ({ ...event, masked: [...masked].sort() })
    expect(sorted(read(within))).toEqual(sorted(read(whole)))
    // The key of the actor stays, as it always does.
    expect(within?.match(/horse9battery/g)).toHaveLength(1)
  })

  it.each<[string, RawSurroundings, Masking?]>([
    ['a secret in an address', { request: { ...request, url: '/reset?token=abcdef123456' } }],
    ['a name that says secret', { content: { password: 'hunter2' } }],
    ['a rule', { request }, new Masking({ mask: [rule('request.id')] })],
    ['what is too deep', { content: { list: Array.from({ length: 10_001 }, (_, n) => n) } }],
    [
      'what cannot be read',
      {
        content: {
          get broken(): string {
            throw new Error('no')
          },
        },
      },
    ],
  ])('is left to be read whole where there is more to tell than texts: %s', (_, around, masking) => {
    expect(Surroundings.of(around, masking ?? new Masking())).toBeUndefined()
  })
})
