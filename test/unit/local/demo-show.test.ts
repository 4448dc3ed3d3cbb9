import { describe, expect, it } from 'vitest'
import { parseOptions } from '../../../local/demo/options'
import { changesOf } from '../../../local/demo/show/changes'
import { eventTable } from '../../../local/demo/show/table'
import type { AuditEvent } from '../../../src/event/event'

const event = (parts: Partial<AuditEvent>): AuditEvent => ({
  v: 1,
  id: 'a',
  date: '2026-11-20T10:00:00.123Z',
  action: 'OBJ_UPDATE',
  ...parts,
})
const instance = { model: 'Invoice', pk: '7', name: 'A-7', fields: [], timestamp: '' }
const plain = (_: unknown, text: string) => text

describe("the demo's table", () => {
  it('shows when, who, for whom, what and how', () => {
    const user = { type: 'user', username: 'ada', organisation: 'Acme' } as const
    const changes = { total: { from: '1.00', to: '2.00' } }
    const [titles, , row] = eventTable([event({ user, instance, changes })], plain).split('\n')
    expect(titles?.split(/ {2,}/)).toEqual(['time (UTC)', 'action', 'who', 'organisation', 'what', 'changes'])
    expect(row?.split(/ {2,}/)).toEqual([
      '10:00:00.123',
      'OBJ_UPDATE',
      'ada',
      'Acme',
      'Invoice A-7',
      'total 1.00 → 2.00',
    ])
  })

  it('never gets wider than 120 columns, or than a narrower terminal down to 100', () => {
    const long = event({ instance, changes: { note: { from: null, to: 'x'.repeat(500) } } })
    const widest = (columns?: number) =>
      Math.max(
        ...eventTable([long], plain, columns)
          .split('\n')
          .map((one) => one.length),
      )
    expect(widest()).toBe(120)
    expect(widest(300)).toBe(120)
    expect(widest(110)).toBe(110)
    expect(widest(40)).toBe(100)
    expect(eventTable([long], plain)).toContain('x…')
  })

  it('shows a table without rows as its titles', () => {
    expect(eventTable([], plain).split('\n')).toHaveLength(2)
  })
})

describe("the demo's last column", () => {
  it.each([
    [{ changes: { total: { from: 1, to: 2 }, note: { from: 'a', to: null } } }, 'total 1 → 2, note a → null'],
    [{ changes: { note: { to: 'b' } } }, 'note=b'],
    [{ changes: { tags: { added: ['a', 'b'], removed: ['c'] } } }, 'tags +2 -1'],
    [
      {
        action: 'OBJ_CREATE',
        instance,
        changes: { id: { to: 7 }, number: { to: 'A-7' }, total: { to: '1' }, note: { to: null } },
      },
      'total=1',
    ],
    [{ action: 'OBJ_DELETE', changes: { total: { from: '1' } }, content: { soft: true } }, 'soft=true, total=1'],
    [
      { action: 'EXPORTED', content: { rows: 3, to: { mail: 'x' } }, reason: 'monthly' },
      'rows=3, to={"mail":"x"}, monthly',
    ],
    [{ coverage: 'partial', coverage_reason: 'no id' }, 'partial: no id'],
    [{}, ''],
  ] as [Partial<AuditEvent>, string][])('of %j reads %j', (parts, text) => {
    expect(changesOf(event(parts))).toBe(text)
  })
})

describe("the demo's options", () => {
  it('are read from the words after --', () => {
    expect(parseOptions([])).toEqual({ json: false })
    expect(parseOptions(['--json', '--redis', 'embedded', '--sabotage=lose'])).toEqual({
      json: true,
      redis: 'embedded',
      sabotage: 'lose',
    })
    expect(parseOptions(['--help'])).toBeUndefined()
  })

  it.each([
    [['--redis', 'cluster'], '--redis is "cluster"; accepted: embedded, binary'],
    [['--sabotage', ''], '--sabotage is ""; accepted: lose, add'],
    [['--jsn'], "Unknown option '--jsn'"],
    [['now'], "Unexpected argument 'now'"],
  ])('refuse %j and say why', (words, message) => {
    expect(() => parseOptions(words)).toThrow(message)
  })
})
