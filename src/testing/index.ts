/** typeorm-audit-logger/testing: an in-memory logger and matchers, for the tests of an application. */

import type { Action } from '../event/event'
import type { ExpectedEvent, HowOften } from './expected'

export type { ExpectedEvent, HowOften } from './expected'
export { auditMatchers, type MatcherResult } from './matchers'
export { TestAuditLogger } from './test-audit-logger'

/** What `expect.extend(auditMatchers)` adds; for `declare module 'expect'`, if you import `expect` from `@jest/globals`. */
export interface AuditMatchers<R> {
  /**
   * Passes when an event of this action was recorded that has all that is expected, in part: members that are not named
   * may be there. Asymmetric matchers may stand anywhere in it.
   */
  toHaveRecorded(action: Action, expected?: ExpectedEvent, howOften?: HowOften): R
}

declare global {
  // The namespace that both look into: jest's own types, and vitest's for those who come from jest. Its parameters must
  // be declared as both declare them.
  namespace jest {
    // biome-ignore lint/complexity/noBannedTypes: see above
    interface Matchers<R, T = {}> extends AuditMatchers<R> {}
  }
}
