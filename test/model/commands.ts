import fc from 'fast-check'
import { expect } from 'vitest'
import type { Lease, Move, Peeked } from '../../src/queue/pending-list'
import { textsOf } from '../support/events'
import type { ModelList, ModelMove } from './model-list'
import type { RealList } from './real-list'

/** Each move is due later than the one before, so that the order of their return is known. */
const FAR_AHEAD_MS = 4_000_000_000_000

/** What the simulated workers remember: every lease that one of them ever got, so that any of them can act late. */
export interface World {
  readonly real: RealList
  readonly leases: Lease[]
  pushed: number
  deferrals: number
}

export type Command = fc.AsyncCommand<ModelList, World>
type Act = (model: ModelList, world: World) => Promise<void>

/** Something that anybody may do at any time. After each, Redis must hold exactly what the model says. */
function command(name: string, act: Act): Command {
  return {
    check: () => true,
    async run(model, world) {
      const before = { token: model.token, base: model.base }
      await act(model, world)
      const state = await world.real.read()
      expect(state).toEqual(model.state())
      expect(state.token).toBeGreaterThanOrEqual(before.token)
      expect(state.base).toBeGreaterThanOrEqual(before.base)
      expect(state.sent).toBeGreaterThanOrEqual(state.base)
      const everywhere = [...state.pending, ...state.dead, ...state.deferred, ...model.stored]
      expect(everywhere.sort(), 'lost or doubled').toEqual([...model.accepted].sort())
    },
    toString: () => name,
  }
}

/** Who acts: the latest holder (-1) or somebody who got an earlier lease; once, or twice as after a lost reply. */
interface By {
  readonly lease: number
  readonly times: number
}

interface Call {
  readonly reply: Promise<unknown>
  /** What the call does to the model, and what its reply must then be. False: nothing, not even renew the lease. */
  apply(reply: unknown): unknown
}

/**
 * What only the holder may do. With any other lease it must be refused and change nothing, which the comparison with
 * the model then shows. `prepare` decides once what is asked: a repetition asks the same, whatever has happened since.
 */
function byHolder(
  name: string,
  { lease: pick, times }: By,
  prepare: (model: ModelList, world: World) => ((lease: Lease) => Call) | undefined,
): Command {
  const who = pick < 0 ? 'the latest holder' : `lease ${pick}`
  return command(`${name} by ${who}${times > 1 ? ', twice' : ''}`, async (model, world) => {
    const lease = pickLease(world, pick)
    const ask = prepare(model, world)
    if (lease === undefined || ask === undefined) return
    for (let time = 0; time < times; time += 1) {
      const { reply, apply } = ask(lease)
      if (model.holds(lease)) {
        const answer = await reply
        // Even a lease that has run out is renewed, as long as nobody else has taken it.
        if (apply(answer) !== false) model.expired = false
      } else {
        model.refused += 1
        await expect(reply).rejects.toMatchObject({ code: 'AUDIT_LEASE_LOST' })
      }
    }
  })
}

function pickLease({ leases }: World, pick: number): Lease | undefined {
  return pick < 0 ? leases.at(-1) : leases[pick % Math.max(1, leases.length)]
}

const by = fc.record({
  // Mostly the latest lease: most of the time, whoever acts holds it.
  lease: fc.oneof({ weight: 4, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.nat(20) }),
  times: fc.constantFrom(1, 1, 2),
})
const worker = fc.constantFrom('a', 'b', 'c')
const count = fc.integer({ min: 1, max: 6 })
const moves = fc.uniqueArray(
  fc.record({ index: fc.nat(5), to: fc.constantFrom('dead' as const, 'deferred' as const) }),
  {
    selector: ({ index }) => index,
    maxLength: 3,
  },
)

const push = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.boolean()).map(([n, same]) =>
  command(`push ${n}${same ? ' equal' : ''}`, async (model, world) => {
    // Equal lines of a careless producer must not become one.
    const elements = Array.from({ length: n }, (_, i) => (same ? 'same' : `e${world.pushed + i}`))
    world.pushed += n
    await world.real.push(elements)
    model.push(elements)
  }),
)

const acquire = fc.tuple(worker, fc.constantFrom(1, 1, 2)).map(([owner, times]) =>
  command(`acquire by ${owner}${times > 1 ? ', twice' : ''}`, async (model, world) => {
    for (let time = 0; time < times; time += 1) {
      const lease = await world.real.acquire(owner)
      expect(lease !== undefined).toBe(model.canAcquire(owner))
      if (lease === undefined) continue
      model.acquire(owner)
      expect(lease).toMatchObject({ owner, token: model.token, base: model.base, sent: model.sent })
      world.leases.push(lease)
    }
  }),
)

const expire = fc.constant(
  command('the lease runs out', async (model, world) => {
    await world.real.expire()
    model.expired = true
  }),
)

const peek = fc.tuple(by, fc.nat(8), count).map(([who, offset, most]) =>
  byHolder(`peek ${most} from ${offset}`, who, (model, { real }) => (lease) => ({
    reply: real.list.peek(lease, { position: model.base + offset, count: most, bytes: 1_000_000, perEvent: 26 }),
    apply: (reply) => {
      const lines = model.pending.slice(offset, offset + most)
      const { base, length, elements } = reply as Peeked
      expect({ base, length }).toEqual({ base: model.base, length: model.pending.length })
      expect(textsOf(elements)).toEqual(lines)
    },
  })),
)

const mark = fc.tuple(by, count).map(([who, n]) =>
  byHolder(`mark ${n}`, who, (model, { real }) => {
    const position = model.base + Math.min(n, model.pending.length)
    return (lease) => ({ reply: real.list.mark(lease, position), apply: () => model.mark(position) })
  }),
)

const renew = by.map((who) =>
  byHolder('renew', who, (_, { real }) => (lease) => ({ reply: real.list.renew(lease), apply: () => undefined })),
)

const STREAM = 'audit/shop'

const trip = by.map((who) =>
  byHolder('trip', who, (model, { real }) => (lease) => ({
    // Without a pause: when the breaker closes again is a matter of time, which stands still here.
    reply: real.list.trip(lease, STREAM, { failures: 5, pauseMs: 0, afterMs: 0 }),
    apply: (reply) => {
      model.failures += 1
      expect(reply).toEqual({ failures: model.failures, openForMs: 0 })
    },
  })),
)

const heal = by.map((who) =>
  byHolder('heal', who, (model, { real }) => (lease) => ({
    reply: real.list.heal(lease),
    apply: () => {
      model.failures = 0
    },
  })),
)

const stamp = fc.tuple(by, count, fc.integer({ min: 1, max: 1_000 })).map(([who, n, since]) =>
  byHolder(`stamp ${n} since ${since}`, who, (model, { real }) => {
    const position = model.base + Math.min(n, model.pending.length)
    return (lease) => ({ reply: real.list.stamp(lease, position, since), apply: () => model.stamp(position, since) })
  }),
)

const resume = by.map((who) =>
  byHolder('resume', who, (model, { real }) => (lease) => ({
    reply: real.list.resume(lease, STREAM),
    apply: (reply) => {
      const lateSince = model.late.to > model.base ? model.late.since : undefined
      expect(reply).toEqual({ failures: model.failures, openForMs: 0, lateSince })
    },
  })),
)

/** `ago`: how many events others have settled since the outcome was found. */
const settle = fc.tuple(by, count, moves, fc.constantFrom(0, 0, 0, 1, 3)).map(([who, most, wanted, ago]) =>
  byHolder(`settle ${most} of ${ago} ago with ${JSON.stringify(wanted)}`, who, (model, world) => {
    const base = Math.max(0, model.base - ago)
    const n = base === model.base ? Math.min(most, model.pending.length) : most
    if (n === 0) return undefined
    const mine: ModelMove[] = wanted.filter(({ index }) => index < n).sort((a, b) => a.index - b.index)
    const moves = mine.map(({ index, to }): Move => {
      if (to === 'dead') return { index, to, header: '{"reason":"refused"}' }
      world.deferrals += 1
      return { index, to, dueMs: FAR_AHEAD_MS + world.deferrals }
    })
    return (lease) => ({
      reply: world.real.list.settle(lease, base, n, moves),
      apply: () => model.settle(base, n, mine),
    })
  }),
)

const time = fc.constant(
  command('the time of what is deferred comes', async (model, { real }) => {
    await real.makeDue()
    model.due = model.deferred.length
  }),
)

const readmit = fc.tuple(by, count).map(([who, most]) =>
  byHolder(`readmit ${most}`, who, (model, { real }) => (lease) => ({
    reply: real.list.readmit(lease, most),
    apply: (moved) => expect(moved).toBe(model.readmit(most)),
  })),
)

const release = by.map(({ lease: pick, times }) =>
  command(`release by ${pick < 0 ? 'the latest holder' : `lease ${pick}`}`, async (model, world) => {
    const lease = pickLease(world, pick)
    if (lease === undefined) return
    // Not refused, because a worker that ends has nobody to tell; but it must not end the lease of a successor.
    for (let time = 0; time < times; time += 1) await world.real.list.release(lease)
    if (model.holds(lease)) model.release()
  }),
)

/** Settling and what it needs several times: otherwise most runs would end before anything has moved. */
export const allCommands = [
  push,
  push,
  acquire,
  expire,
  peek,
  mark,
  renew,
  trip,
  heal,
  stamp,
  resume,
  settle,
  settle,
  settle,
  time,
  time,
  readmit,
  readmit,
  release,
]
