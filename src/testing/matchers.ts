import type { Action } from '../event/event'
import { listing, short } from './describe'
import { type ExpectedEvent, eventsOf, type HowOften, patternOf } from './expected'
import { differenceOf } from './match'

/** What jest and vitest ask of a matcher. */
export interface MatcherResult {
  pass: boolean
  message: () => string
}

/** The part of a matcher's `this` that is used; jest and vitest have it both. */
interface MatcherThis {
  readonly isNot?: boolean
}

/**
 * For `expect.extend(auditMatchers)`, of vitest and jest alike. They read nothing but the events, so any framework with
 * the same protocol will do.
 *
 * @example
 * expect.extend(auditMatchers)
 * expect(audit).toHaveRecorded('OBJ_UPDATE', { model: 'Invoice', changes: { total: { to: '2.00' } } })
 * expect(audit).toHaveRecorded('OBJ_VIEWED', { model: 'Invoice' }, { times: 2 })
 * expect(audit).not.toHaveRecorded('OBJ_DELETE')
 */
export const auditMatchers = {
  toHaveRecorded(
    this: MatcherThis | undefined,
    received: unknown,
    action: Action,
    expected: ExpectedEvent = {},
    { times }: HowOften = {},
  ): MatcherResult {
    const events = eventsOf(received)
    const pattern = patternOf(action, expected)
    const count = events.filter((event) => differenceOf(event, pattern) === undefined).length
    const wanted = `${action}${Object.keys(expected).length === 0 ? '' : ` ${short(expected)}`}`
    const often = times === undefined ? '' : times === 1 ? ' once' : ` ${times} times`
    return {
      pass: times === undefined ? count > 0 : count === times,
      message: () => {
        const not = this?.isNot === true ? 'not ' : ''
        const but =
          times === undefined && not === '' ? '' : `, but ${count} such ${count === 1 ? 'event was' : 'events were'}`
        return `expected ${not}to have recorded ${wanted}${often}${but}\n\n${listing(events, action, pattern)}`
      },
    }
  },
}
