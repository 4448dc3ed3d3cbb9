import { describe, expect, it } from 'vitest'
import { closeLine, openLine } from '../../../src/event/serialise'
import { everyKeys, MOST_SHARDS, shardKeys } from '../../../src/queue/keys'
import { shardOf } from '../../../src/queue/shard'

const date = '2026-11-20T10:00:00.000Z'
let made = 0

interface Facts {
  pk?: string
  model?: string
  table?: string
  reason?: string
  content?: object
}

function line({ pk, model, table, reason, content }: Facts): string {
  made += 1
  const id = `0199a000-0000-7000-8000-${String(made).padStart(12, '0')}`
  const named = model === undefined ? {} : { model, ...(table && { table }), ...(pk !== undefined && { pk }) }
  const instance = model === undefined ? {} : { instance: { ...named, fields: [], timestamp: date } as never }
  return closeLine(
    openLine({
      id,
      date,
      action: 'OBJ_UPDATE',
      ...(reason && { reason }),
      ...instance,
      ...(content && { content }),
    } as never),
  )
}

describe('the shard of an event', () => {
  it('is the same for all events of one instance, whatever else they say', () => {
    const of = (facts: Facts) => shardOf(line({ model: 'Invoice', pk: '42', ...facts }), 16)
    const shard = of({})
    expect(of({ table: 'billing.invoice' })).toBe(shard)
    expect(of({ reason: 'because of "instance":{"model":"Trap","pk":"1"}, he said' })).toBe(shard)
    expect(of({ content: { instance: { model: 'Trap', pk: '1' } } })).toBe(shard)
    expect(of({ pk: '42' })).toBe(shard)
  })

  it('is the same in every process and every release', () => {
    const shards = ['1', '2', '3', '42', '{"a":1,"b":"x"}', 'ключ'].map((pk) =>
      shardOf(line({ model: 'Invoice', pk }), 64),
    )
    expect(shards).toMatchInlineSnapshot(`
      [
        15,
        47,
        27,
        54,
        43,
        61,
      ]
    `)
  })

  it('is spread evenly over instances, and over events without one', () => {
    const counts = (facts: (n: number) => Facts) => {
      const per = new Array<number>(8).fill(0)
      for (let n = 0; n < 8_000; n += 1) {
        const shard = shardOf(line(facts(n)), 8)
        per[shard] = (per[shard] ?? 0) + 1
      }
      return per
    }
    for (const count of counts((n) => ({ model: 'Invoice', pk: String(n) }))) expect(count).toBeGreaterThan(800)
    for (const count of counts(() => ({}))) expect(count).toBeGreaterThan(800)
    for (const count of counts(() => ({ model: 'Invoice' }))) expect(count).toBeGreaterThan(800)
  })

  it('exists for whatever another producer pushed', () => {
    for (const text of ['', 'not json', '{}', '{"instance":{"model":', 'x'.repeat(10_000_000), '\ud800']) {
      const shard = shardOf(text, 7)
      expect(shard).toBeGreaterThanOrEqual(0)
      expect(shard).toBeLessThan(7)
      expect(shardOf(text, 1)).toBe(0)
    }
  })

  it('is found in an event of 50 MB without trouble', () => {
    const large = line({ model: 'Invoice', pk: '42', reason: 'r"'.repeat(25_000_000) })
    expect(shardOf(large, 16)).toBe(shardOf(line({ model: 'Invoice', pk: '42' }), 16))
  })
})

describe('the keys of the lists', () => {
  it('are those of the prefix alone, or of {prefix:0} to {prefix:n-1}', () => {
    expect(shardKeys({ prefix: 'shop', shards: 1 }).map(({ pending }) => pending)).toEqual(['{shop}:pending'])
    expect(shardKeys({ prefix: 'shop', shards: 3 }).map(({ pending }) => pending)).toEqual([
      '{shop:0}:pending',
      '{shop:1}:pending',
      '{shop:2}:pending',
    ])
  })

  it.each([1, 4, MOST_SHARDS])('of any other number of shards are known too: with %i', (shards) => {
    const every = everyKeys({ prefix: 'shop', shards }).map(({ tag }) => tag)
    expect(every.slice(0, shards)).toEqual(shardKeys({ prefix: 'shop', shards }).map(({ tag }) => tag))
    expect(new Set(every).size).toBe(every.length)
    expect(every).toHaveLength(MOST_SHARDS + 1)
    expect(every).toContain('{shop}')
  })
})
