import { describe, expect, it } from 'vitest'
import { sortRejected } from '../../../worker/sort-rejected'

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR
const NOW = Date.parse('2026-11-21T10:00:00Z')
const entries = (...times: number[]) =>
  times.map((ms, index) => ({ index, id: `${index}`, key: `${index}`, timestamp: NOW + ms, line: '', bytes: 30 }))

function sorted(times: number[], indices: { tooOldEnd?: number; expiredEnd?: number; tooNewStart?: number }) {
  const all = { tooOldEnd: 0, expiredEnd: 0, tooNewStart: times.length, ...indices }
  const { rejected, doubted } = sortRejected(entries(...times), all, NOW)
  const short = (claims: typeof rejected) => claims.map(({ entry, rejection }) => [entry.index, rejection])
  return { rejected: short(rejected), doubted: short(doubted) }
}

describe('the indices of an answer', () => {
  it('the ends are exclusive, the start is inclusive, and 0 is a value', () => {
    expect(
      sorted([-20 * DAY, -15 * DAY, -5 * DAY, -HOUR, 3 * HOUR], { tooOldEnd: 2, expiredEnd: 3, tooNewStart: 4 }),
    ).toEqual({
      rejected: [
        [0, 'too_old'],
        [1, 'too_old'],
        [2, 'expired'],
        [4, 'too_new'],
      ],
      doubted: [],
    })
    expect(sorted([3 * HOUR, 4 * HOUR], { tooNewStart: 0 }).rejected).toEqual([
      [0, 'too_new'],
      [1, 'too_new'],
    ])
    expect(sorted([-15 * DAY], { tooOldEnd: 1 }).rejected).toEqual([[0, 'too_old']])
  })

  it('without any, all is stored', () => {
    expect(sorted([-13 * DAY, 0, HOUR], {})).toEqual({ rejected: [], doubted: [] })
  })

  it.each([
    ['too old, but of an hour ago', [-HOUR], { tooOldEnd: 1 }, 'too_old'],
    ['expired, but of an hour ago', [-HOUR], { expiredEnd: 1 }, 'expired'],
    ['too new, but of now', [0], { tooNewStart: 0 }, 'too_new'],
    ['stored, but of last month', [-30 * DAY], {}, 'too_old'],
    ['stored, but of tomorrow', [DAY], {}, 'too_new'],
  ])('are doubted when they say of an event that it is %s', (_, times, indices, rejection) => {
    expect(sorted(times, indices)).toEqual({ rejected: [], doubted: [[0, rejection]] })
  })

  it('are believed at the borders, where clocks differ', () => {
    const minute = 60_000
    expect(sorted([-14 * DAY + minute], { tooOldEnd: 1 }).rejected).toHaveLength(1)
    expect(sorted([-14 * DAY - minute], {}).doubted).toHaveLength(0)
    expect(sorted([2 * HOUR - minute], { tooNewStart: 0 }).rejected).toHaveLength(1)
    expect(sorted([2 * HOUR + minute], {}).doubted).toHaveLength(0)
  })

  it.each([
    { tooOldEnd: 3 },
    { tooOldEnd: -1 },
    { tooNewStart: 0.5 },
    { tooOldEnd: 2, tooNewStart: 1 },
    { expiredEnd: Number.NaN },
  ])('that make no sense decide nothing: %j', (indices) => {
    expect(sorted([-20 * DAY, 0], indices)).toEqual({
      rejected: [],
      doubted: [
        [0, 'too_old'],
        [1, undefined],
      ],
    })
  })
})
