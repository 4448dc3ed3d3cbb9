import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { atHead, atTail, pageAt, readToken, writeToken } from '../../../local/cloudwatch/paging'
import type { StoredEvent } from '../../../local/cloudwatch/store'

const stored = (times: readonly number[]): StoredEvent[] =>
  times
    .map((timestamp, sequence) => ({ timestamp, sequence, message: `${sequence}`, ingestionTime: 0 }))
    .sort((a, b) => a.timestamp - b.timestamp || a.sequence - b.sequence)

const times = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 30 })

describe('paging by token', () => {
  it('gives every event once, in order, whatever the page size and the number of empty pages', () => {
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 7 }), fc.nat(3), fc.boolean(), (at, limit, empties, forward) => {
        const events = stored(at)
        const seen: StoredEvent[][] = []
        let place = forward ? atHead() : atTail()
        for (let guard = 0; guard < 1_000; guard++) {
          const page = pageAt(events, place, limit, empties)
          seen.push([...page.events])
          if (writeToken(page.next) === writeToken(place)) break
          place = readToken(writeToken(page.next))
        }
        expect((forward ? seen : seen.reverse()).flat()).toEqual(events)
        expect(seen.every((page) => page.length <= limit)).toBe(true)
      }),
    )
  })

  it.each(['', 'f', 'f//s', 'x/1/s', `f/${'1'.repeat(37)}/s`, `f/${'1'.repeat(38)}/s `])(
    'refuses the token %j',
    (token) => {
      expect(() => readToken(token)).toThrow('The specified nextToken is invalid.')
    },
  )
})
