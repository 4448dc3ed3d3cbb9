import { describe, expect, it } from 'vitest'
import type { PendingList } from '../../../src/queue/pending-list'
import { BREAKER_FAILURES, Breaker, StreamHealth } from '../../../worker/breaker'
import type { PutOutcome } from '../../../worker/put-outcome'

const STORED: PutOutcome = { kind: 'stored' }
const later = (afterMs = 0): PutOutcome => ({ kind: 'later', afterMs, cause: 'throttled', unreachable: false })
const never = new AbortController().signal

/** The breaker of one of several lists that are shipped to one stream; Redis counts for each list by itself. */
function listOf(stream: StreamHealth, inherited = 0) {
  let failures = inherited
  let healed = 0
  const list = {
    async trip(_lease: unknown, _stream: string, { afterMs }: { afterMs: number }) {
      failures += 1
      return { failures, openForMs: afterMs }
    },
    async heal() {
      failures = 0
      healed += 1
    },
  } as unknown as PendingList
  const lease = { owner: 'o', token: 1, base: 0, sent: 0 }
  const breaker = new Breaker(list, lease, stream, { failures, openForMs: 0 })
  const call = (outcome: PutOutcome, until = performance.now()) => breaker.attempt(async () => outcome, until, never)
  return { breaker, call, healed: () => healed }
}

describe('the breaker of a stream that several lists share', () => {
  it('opens for all of them when CloudWatch tells one to wait', async () => {
    const stream = new StreamHealth('s')
    const [one, other] = [listOf(stream), listOf(stream)]
    await one.call(later(60_000))
    expect(other.breaker.isTripped).toBe(true)
    expect(await other.call(STORED)).toBeUndefined()
  })

  it('counts the failures of all of them', async () => {
    const stream = new StreamHealth('s')
    const lists = Array.from({ length: BREAKER_FAILURES }, () => listOf(stream))
    for (const { call } of lists.slice(1)) await call(later())
    expect(lists[0]?.breaker.isTripped).toBe(false)
    await lists[0]?.call(later())
    for (const { breaker } of lists) expect(breaker.isTripped).toBe(true)
  })

  it('half-open, lets one call pass, of whichever list, and closes for all with its answer', async () => {
    const stream = new StreamHealth('s')
    const [one, other] = [listOf(stream, BREAKER_FAILURES), listOf(stream)]
    let answer = (_: PutOutcome): void => undefined
    const trial = one.breaker.attempt(() => new Promise((resolve) => (answer = resolve)), Infinity, never)
    let passed = false
    const waiting = other.breaker.attempt(
      async () => {
        passed = true
        return STORED
      },
      Infinity,
      never,
    )
    await new Promise((resolve) => setImmediate(resolve))
    expect(passed).toBe(false)
    answer(STORED)
    await Promise.all([trial, waiting])
    expect(passed).toBe(true)
    expect([one, other].map(({ breaker }) => breaker.isTripped)).toEqual([false, false])
    // Only where Redis holds failures is there something to take back.
    expect([one.healed(), other.healed()]).toEqual([1, 0])
  })

  it('does not concern another stream', async () => {
    await listOf(new StreamHealth('a')).call(later(60_000))
    expect(await listOf(new StreamHealth('b')).call(STORED)).toMatchObject({ outcome: STORED })
  })
})
