import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { queueKeys } from '../../../src/queue/keys'
import { balance } from '../../../worker/balance'
import type { ListView } from '../../../worker/look'

const ROUND = 7

function list(n: number, facts: Partial<ListView> = {}): ListView {
  const keys = queueKeys(`audit-logger:${n}`)
  return { keys, pending: 1, due: 0, base: 0, owner: '', leaseLeftMs: -1, round: 0, ...facts }
}

const due = (n: number) => list(n)
const held = (n: number, owner: string) => list(n, { owner, leaseLeftMs: 5_000 })
const orphaned = (n: number, round = 0) => list(n, { owner: 'dead', leaseLeftMs: -1, round })
const done = (n: number) => list(n, { round: ROUND })
const tags = (lists: readonly ListView[]) => lists.map(({ keys }) => keys.tag)

describe('a worker', () => {
  it('alone takes every list that is due', () => {
    expect(balance([due(0), due(1), done(2), orphaned(3)], ROUND, ['a'], 'a').take).toHaveLength(3)
  })

  it('takes its share at once and leaves the rest to the others', () => {
    const lists = [due(0), due(1), due(2), due(3)]
    const a = balance(lists, ROUND, ['a', 'b'], 'a').take
    const b = balance(lists, ROUND, ['a', 'b'], 'b').take
    expect(a).toHaveLength(2)
    expect(new Set([...tags(a), ...tags(b)]).size).toBe(4)
  })

  it('takes one more while nobody has fewer', () => {
    const lists = [held(0, 'a'), held(1, 'b'), held(2, 'c'), due(3)]
    for (const me of ['a', 'b', 'c']) expect(balance(lists, ROUND, ['a', 'b', 'c'], me).take).toHaveLength(1)
    const uneven = [held(0, 'a'), held(1, 'b'), due(2)]
    expect(balance(uneven, ROUND, ['a', 'b', 'c'], 'a').take).toEqual([])
    expect(balance(uneven, ROUND, ['a', 'b', 'c'], 'c').take).toHaveLength(1)
  })

  it('passes a list on to one that has two fewer, and to nobody that is dead', () => {
    const lists = [held(0, 'a'), held(1, 'a'), held(2, 'a'), held(3, 'a')]
    expect(tags(balance(lists, ROUND, ['a', 'b'], 'a').pass)).toEqual(['{audit-logger:3}'])
    expect(balance(lists, ROUND, ['a'], 'a').pass).toEqual([])
    expect(balance(lists.slice(3), ROUND, ['a', 'b'], 'a').pass).toEqual([])
  })

  it('takes over from a dead one though the list was flushed in this round', () => {
    expect(balance([orphaned(0, ROUND)], ROUND, ['a'], 'a').take).toHaveLength(1)
  })

  it('leaves alone what was flushed in this round, and what others hold', () => {
    expect(balance([done(0), held(1, 'b'), held(2, 'unknown')], ROUND, ['a', 'b'], 'a').take).toEqual([])
  })
})

describe('any number of workers that come and go', () => {
  it('end up with every list in work and none with two more than another', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.tuple(fc.constantFrom('join', 'leave', 'look'), fc.nat({ max: 7 })), { maxLength: 60 }),
        (count, events) => {
          const owners = new Array<string>(count).fill('')
          const workers = new Set<string>(['w0'])
          const view = () => owners.map((owner, n) => (owner === '' ? due(n) : held(n, owner)))
          // As in the worker: what was decided is done at once, and the lease refuses what another was faster to take.
          const lookAs = (me: string) => {
            const live = [...workers].sort()
            const { take, pass } = balance(view(), ROUND, live, me)
            for (const { keys } of pass) owners[numberOf(keys.tag)] = ''
            for (const { keys } of take) owners[numberOf(keys.tag)] ||= me
            return take.length + pass.length
          }
          for (const [kind, n] of events) {
            const worker = `w${n}`
            if (kind === 'join') workers.add(worker)
            if (kind === 'leave' && workers.size > 1 && workers.delete(worker)) {
              for (const [i, owner] of owners.entries()) if (owner === worker) owners[i] = ''
            }
            if (kind === 'look' && workers.has(worker)) lookAs(worker)
          }
          let restless = true
          for (let looks = 0; restless; looks += 1) {
            expect(looks).toBeLessThan(50)
            restless = [...workers].map(lookAs).some((changes) => changes > 0)
          }
          const counts = [...workers].map((worker) => owners.filter((owner) => owner === worker).length)
          expect(owners).not.toContain('')
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
        },
      ),
      { numRuns: 500 },
    )
  })
})

function numberOf(tag: string): number {
  return Number(/:(\d+)\}/.exec(tag)?.[1])
}
