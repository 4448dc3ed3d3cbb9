import { expect, it } from 'vitest'
import { retryAfterMs } from '../../../worker/retry-after'

const NOW = Date.parse('2026-11-21T10:00:00Z')

it.each([
  ['30', 30_000],
  [' 5 ', 5_000],
  ['0.5', 500],
  ['Sat, 21 Nov 2026 10:00:30 GMT', 30_000],
  ['Saturday, 21-Nov-26 10:00:30 GMT', 30_000],
  ['0', 0],
  ['-5', 0],
  ['Sat, 21 Nov 2026 09:00:00 GMT', 0],
  ['soon', 0],
  ['', 0],
  [undefined, 0],
  ['999999999', 3_600_000],
  ['Sat, 21 Nov 2099 10:00:30 GMT', 3_600_000],
])('%s is a pause of %d ms', (header, ms) => {
  expect(retryAfterMs(header, NOW)).toBe(ms)
})
