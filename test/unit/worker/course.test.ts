import { describe, expect, it } from 'vitest'
import type { PendingList } from '../../../src/queue/pending-list'
import { Breaker, StreamHealth } from '../../../worker/breaker'
import { Deliverer } from '../../../worker/deliver'
import type { FlushSide } from '../../../worker/delivery'
import type { Destination } from '../../../worker/destination'
import type { Entry } from '../../../worker/entry'
import type { PutOutcome } from '../../../worker/put-outcome'
import { Reconciler } from '../../../worker/reconcile'
import { eventLine, idOf } from '../../support/events'
import { keptLogger } from '../../support/kept-logger'

// Answers that no real endpoint gives on demand: those that contradict the times of the events.

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR
const FAR = Number.POSITIVE_INFINITY

function entryOf(agoMs: number, index: number): Entry {
  const date = new Date(Date.now() - agoMs)
  const line = eventLine({ date })
  const id = idOf(line)
  return { index, id, key: id, timestamp: date.getTime(), line, bytes: Buffer.byteLength(line) + 26 }
}

/** A destination with scripted answers; what it says that it stored, or stores silently, can be read back. */
function stage(
  answers: ((entries: readonly Entry[]) => { outcome: PutOutcome; stores: readonly Entry[] })[],
  canRead = true,
) {
  const stored: Entry[] = []
  const calls: (readonly Entry[])[] = []
  const stamps: number[] = []
  const destination = {
    id: 'stream',
    where: { group: 'g', stream: 's', region: 'r' },
    now: () => Date.now(),
    async put(entries: readonly Entry[]): Promise<PutOutcome> {
      calls.push(entries)
      const answer = answers.shift()?.(entries) ?? { outcome: { kind: 'stored' as const }, stores: entries }
      stored.push(...answer.stores)
      return answer.outcome
    },
    async read(first: number, last: number, onMessages: (messages: string[]) => string): Promise<void> {
      if (!canRead) throw Object.assign(new Error('no'), { name: 'AccessDeniedException' })
      onMessages(stored.filter(({ timestamp }) => timestamp >= first && timestamp <= last).map(({ line }) => line))
    },
  } as unknown as Destination
  const list = { trip: () => ({ failures: 1, openForMs: 0 }), heal: () => undefined } as unknown as PendingList
  const lease = { owner: 'o', token: 1, base: 0, sent: 0 }
  const side: FlushSide = {
    stop: new AbortController().signal,
    lost: new AbortController().signal,
    breaker: new Breaker(list, lease, new StreamHealth('stream'), { failures: 0, openForMs: 0 }),
    lateSince: undefined,
    hold: async () => undefined,
    stamp: async (ms) => void stamps.push(ms),
  }
  const logger = keptLogger()
  const deliverer = new Deliverer(destination, new Reconciler(destination, [0, 1], logger), 2_000, logger)
  const deliver = (...entries: Entry[]) => deliverer.deliver(entries, 'unsent', side).delivery
  const codes = () => logger.entries.map(({ fields }) => fields.code).filter((code) => code !== undefined)
  return { stored, calls, stamps, deliver, codes }
}

const partly = (indices: { tooOldEnd?: number; expiredEnd?: number; tooNewStart?: number }): PutOutcome => ({
  kind: 'partly',
  tooOldEnd: 0,
  expiredEnd: 0,
  tooNewStart: FAR,
  ...indices,
})

describe('an answer that contradicts the times of the events', () => {
  it('an event said to be too old that was stored all the same is not sent again', async () => {
    const [a, b] = [entryOf(HOUR, 0), entryOf(0, 1)]
    const on = stage([(entries) => ({ outcome: partly({ tooOldEnd: 1, tooNewStart: 2 }), stores: entries })])
    expect(await on.deliver(a, b)).toEqual({ moves: [], late: 0 })
    expect(on.calls).toHaveLength(1)
    expect(on.codes()).toEqual(['AUDIT_REJECTION_DOUBTED'])
  })

  it('an event said to be too old that is absent is stored late, not lost', async () => {
    const [a, b] = [entryOf(HOUR, 0), entryOf(0, 1)]
    const on = stage([
      ([, second]) => ({ outcome: partly({ tooOldEnd: 1, tooNewStart: 2 }), stores: second ? [second] : [] }),
    ])
    expect(await on.deliver(a, b)).toEqual({ moves: [], late: 1 })
    expect(on.stored.map(({ id, late }) => [id, late])).toEqual([
      [b.id, undefined],
      [a.id, 'too_old'],
    ])
    expect(on.stamps).toHaveLength(1)
  })

  it('an event said to be too new that is absent is kept until later', async () => {
    const a = entryOf(0, 0)
    const on = stage([() => ({ outcome: partly({ tooNewStart: 0 }), stores: [] })])
    const { moves } = await on.deliver(a)
    expect(moves).toMatchObject([{ index: 0, to: 'deferred' }])
  })

  it('an event said to be stored whose time CloudWatch cannot take, and which is absent, is stored late', async () => {
    const a = entryOf(30 * DAY, 0)
    const on = stage([() => ({ outcome: { kind: 'stored' }, stores: [] })])
    expect(await on.deliver(a)).toEqual({ moves: [], late: 1 })
    expect(on.stored).toMatchObject([{ id: a.id, late: 'too_old' }])
  })

  it('one that is there is left as it is', async () => {
    const a = entryOf(30 * DAY, 0)
    const on = stage([(entries) => ({ outcome: { kind: 'stored' }, stores: entries })])
    expect(await on.deliver(a)).toEqual({ moves: [], late: 0 })
    expect(on.calls).toHaveLength(1)
  })

  it('indices without any sense decide nothing: what is absent is sent again', async () => {
    const [a, b] = [entryOf(HOUR, 0), entryOf(0, 1)]
    const on = stage([
      ([first]) => ({ outcome: partly({ tooOldEnd: 7, tooNewStart: 2 }), stores: first ? [first] : [] }),
    ])
    expect(await on.deliver(a, b)).toEqual({ moves: [], late: 0 })
    expect(on.stored.map(({ id }) => id)).toEqual([a.id, b.id])
  })

  it('an answer that never makes sense ends with an error, and nothing is moved', async () => {
    const nonsense = () => ({ outcome: partly({ tooOldEnd: 7 }), stores: [] })
    const on = stage(Array.from({ length: 2_000 }, () => nonsense))
    await expect(on.deliver(entryOf(0, 0))).rejects.toMatchObject({ code: 'AUDIT_CLOUDWATCH_UNAVAILABLE' })
  })
})

describe('an event that CloudWatch does not take with the current time either', () => {
  it.each([
    ['too_old', { tooOldEnd: 1, tooNewStart: 1 }],
    ['expired', { expiredEnd: 1, tooNewStart: 1 }],
  ] as const)('is a dead letter with the reason %s', async (reason, indices) => {
    const reject = () => ({ outcome: partly(indices), stores: [] })
    const on = stage([reject, reject])
    const { moves, late } = await on.deliver(entryOf(30 * DAY, 0))
    expect(late).toBe(0)
    expect(moves).toMatchObject([{ index: 0, to: 'dead', header: expect.stringContaining(`"reason":"${reason}"`) }])
    expect(on.calls).toHaveLength(2)
  })
})

it('without permission to read, an answer that is doubted is believed, and that is said once', async () => {
  const [a, b] = [entryOf(HOUR, 0), entryOf(0, 1)]
  const on = stage([() => ({ outcome: partly({ tooOldEnd: 1, tooNewStart: 2 }), stores: [b] })], false)
  expect(await on.deliver(a, b)).toEqual({ moves: [], late: 1 })
  expect(on.stored.map(({ id }) => id)).toEqual([b.id, a.id])
  expect(on.codes()).toEqual(['AUDIT_REJECTION_DOUBTED', 'AUDIT_RECONCILE_DENIED'])
})
