import { describe, expect, it } from 'vitest'
import { parseCommand } from '../../../cli/arguments'
import { parseMoment } from '../../../cli/moment'

const NOW = Date.UTC(2026, 10, 20, 12)
const filterOf = (...words: string[]) => parseCommand(['dead-letter', 'list', ...words], NOW).filter

describe('the filters of dead letters', () => {
  it('are none unless given', () => {
    expect(filterOf()).toEqual({})
  })

  it('take reasons in one or in several options', () => {
    expect(filterOf('--reason', 'refused,too_old', '--reason', ' expired ')).toEqual({
      reasons: ['refused', 'too_old', 'expired'],
    })
  })

  it('take times and how long ago, a limit and an id', () => {
    expect(filterOf('--since', '2h', '--until', '2026-11-20T11:30:00Z', '--limit', '7', '--id', 'x')).toEqual({
      since: NOW - 7_200_000,
      until: NOW - 1_800_000,
      limit: 7,
      id: 'x',
    })
  })

  it.each([
    ['--limit', '0'],
    ['--limit', '-1'],
    ['--limit', '1e3'],
    ['--limit', ''],
    ['--reason', ','],
    ['--since', 'yesterday'],
    ['--since', ''],
    ['--until', '2026-13-01'],
    ['--since', '1h', '--until', '2h'],
    ['--watch'],
    ['--every', '5'],
    ['extra'],
  ])('refuse %j %j: a filter that is misunderstood would replay or purge the wrong ones', (...words) => {
    for (const action of ['list', 'replay', 'purge']) {
      expect(() => parseCommand(['dead-letter', action, ...words.filter((word) => word !== undefined)], NOW)).toThrow(
        'AUDIT_COMMAND_INVALID',
      )
    }
  })

  it('show takes one id and no filter', () => {
    expect(parseCommand(['dead-letter', 'show', 'abc'], NOW)).toMatchObject({ action: 'show', filter: { id: 'abc' } })
    for (const words of [[], ['a', 'b'], ['a', '--limit', '1']]) {
      expect(() => parseCommand(['dead-letter', 'show', ...words], NOW)).toThrow('AUDIT_COMMAND_INVALID')
    }
  })
})

describe('other commands', () => {
  it('refuse an option that they would ignore', () => {
    for (const words of [
      ['flush', '--since', '2h'],
      ['worker', '--watch'],
      ['status', '--reason', 'refused'],
    ]) {
      expect(() => parseCommand(words, NOW)).toThrow('AUDIT_COMMAND_INVALID')
    }
  })

  it('status looks every two seconds with --watch, or as often as it is told', () => {
    expect(parseCommand(['status', '--watch'], NOW)).toMatchObject({ watch: true, everySeconds: 2 })
    expect(parseCommand(['status', '--watch', '--every', '0.5'], NOW).everySeconds).toBe(0.5)
    for (const every of ['0', '-1', 'often', '1e9', '99999999']) {
      expect(() => parseCommand(['status', '--watch', '--every', every], NOW)).toThrow('AUDIT_COMMAND_INVALID')
    }
    expect(() => parseCommand(['status', '--every', '5'], NOW)).toThrow('--every goes with --watch')
  })
})

describe('a moment', () => {
  it.each([
    ['45s', NOW - 45_000],
    ['1.5h', NOW - 5_400_000],
    ['7d', NOW - 7 * 86_400_000],
    ['2w', NOW - 14 * 86_400_000],
    ['2026-11-20', Date.UTC(2026, 10, 20)],
    ['2026-11-20T10:00:00.123Z', Date.UTC(2026, 10, 20, 10, 0, 0, 123)],
    ['2026-11-20T10:00+02:00', Date.UTC(2026, 10, 20, 8)],
  ])('%s is read', (text, time) => {
    expect(parseMoment(text, NOW)).toBe(time)
  })

  it.each(['', '2', 'h', '2 h', '-2h', '2H', 'now', '20.11.2026', '2026-11-20T25:00Z', '2026', '1763640000000'])(
    '%j is not',
    (text) => {
      expect(parseMoment(text, NOW)).toBeUndefined()
    },
  )
})
