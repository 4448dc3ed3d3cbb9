import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { DEFAULT_MASKING } from '../../../src/event/masking'
import { LIMITS, snapshot, unreadable, Walk } from '../../../src/event/values'

const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex')

class Decimal {
  d = [1, 10]
  toJSON() {
    return '1.10'
  }
}

function throwing(): never {
  throw new Error('no')
}

describe('snapshot', () => {
  it.each<[string, unknown, unknown]>([
    ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['a date without a time', new Date('x'), 'Invalid Date'],
    ['a bigint', 12345678901234567890n, '12345678901234567890'],
    ['NaN', Number.NaN, 'NaN'],
    ['infinity', Number.NEGATIVE_INFINITY, '-Infinity'],
    ['minus zero', -0, 0],
    ['a symbol', Symbol('mark'), '[Symbol(mark)]'],
    ['a function', function pay() {}, '[Function pay]'],
    ['a nameless function', () => undefined, '[Function]'],
    ['a regular expression', /a+/gi, '/a+/gi'],
    ['a URL', new URL('https://example.org/x?a=1'), 'https://example.org/x?a=1'],
    ['search parameters', new URLSearchParams('a=1&b=2'), { a: '1', b: '2' }],
    ['a map with names', new Map([['a', new Date(0)]]), { a: '1970-01-01T00:00:00.000Z' }],
    ['a map with objects as keys', new Map([[{ id: 1 }, 2n]]), [[{ id: 1 }, '2']]],
    ['a set', new Set([1, 2n, new Set(['x'])]), [1, '2', ['x']]],
    [
      'an error',
      Object.assign(new RangeError('too big'), { code: 'E_BIG', parameters: ['secret'] }),
      { name: 'RangeError', message: 'too big', code: 'E_BIG' },
    ],
    ['boxed primitives', [Object(1n), Object('x'), Object(true)], ['1', 'x', true]],
    ['a promise', Promise.resolve(1), '[Promise]'],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    [
      'an instance of a class',
      new (class Money {
        amount = 5n
      })(),
      { amount: '5' },
    ],
    ['undefined in an object', { a: undefined, b: 1 }, { b: 1 }],
    ['undefined in a list', [undefined, 1], [null, 1]],
    ['a list with holes', Object.assign(Array(2), { 1: 1 }), [null, 1]],
    ['nothing', undefined, null],
    ['a class with a toJSON, as Decimal and Luxon have', new Decimal(), '1.10'],
    ['a toJSON that gives a date', { toJSON: () => new Date(0) }, '1970-01-01T00:00:00.000Z'],
    ['a toJSON that gives nothing', { a: { toJSON: () => undefined }, b: 1 }, { b: 1 }],
    ['a toJSON that throws', { a: { toJSON: throwing }, b: 1 }, { a: '[Unreadable]', b: 1 }],
    [
      'a getter that throws',
      {
        get a() {
          return throwing()
        },
        b: 1,
      },
      { a: '[Unreadable]', b: 1 },
    ],
    ['a lone surrogate', { text: 'a\ud800b', 'k\udc00': 1 }, { text: 'a\ufffdb', 'k\ufffd': 1 }],
    ['a date of another prototype', Object.create(Date.prototype), '[Unreadable]'],
  ])('%s', (_, value, expected) => {
    expect(snapshot(value)).toStrictEqual(expected)
  })

  it('describes bytes by kind, number and hash', () => {
    const bytes = Buffer.from('audit')
    const expected = { bytes: 5, sha256: sha256('audit') }
    expect(snapshot(bytes)).toEqual({ type: 'Buffer', ...expected })
    expect(snapshot(new Uint8Array(bytes))).toEqual({ type: 'Uint8Array', ...expected })
    expect(snapshot(new DataView(new Uint8Array(bytes).buffer))).toEqual({ type: 'DataView', ...expected })
    expect(snapshot(new Uint8Array(bytes).buffer)).toEqual({ type: 'ArrayBuffer', ...expected })
    const part = new Uint16Array([1, 2, 3]).subarray(1, 2)
    expect(snapshot(part)).toEqual({ type: 'Uint16Array', bytes: 2, sha256: sha256(new Uint8Array([2, 0])) })
  })

  it('cuts circles, and keeps what is merely used twice', () => {
    const shared = { n: 1 }
    const circle: Record<string, unknown> = { first: shared, second: shared }
    circle.self = circle
    circle.list = [circle]
    circle.map = new Map([['me', circle]])
    expect(snapshot(circle)).toEqual({
      first: { n: 1 },
      second: { n: 1 },
      self: '[Circular]',
      list: ['[Circular]'],
      map: { me: '[Circular]' },
    })
  })

  it('survives proxies that throw at every touch, and revoked ones', () => {
    const hostile = new Proxy({}, { get: throwing, ownKeys: throwing, getPrototypeOf: throwing })
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    expect(snapshot({ hostile, revoked: proxy, list: [hostile], fine: 1 })).toEqual({
      hostile: '[Unreadable]',
      revoked: '[Unreadable]',
      list: ['[Unreadable]'],
      fine: 1,
    })
  })

  it('keeps an own __proto__ as data and changes no prototype', () => {
    const value = snapshot(JSON.parse('{"__proto__":{"admin":true},"a":1}')) as Record<string, unknown>
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(Object.keys(value)).toEqual(['__proto__', 'a'])
    expect(JSON.stringify(value)).toBe('{"__proto__":{"admin":true},"a":1}')
    expect(value.admin).toBeUndefined()
  })

  it('keeps two names apart that become one when repaired', () => {
    expect(snapshot({ '\ud800': 1, '\udc00': 2 })).toEqual({ '\ufffd': 1, '\ufffd\ufffd': 2 })
  })

  it('holds no reference to what it was given', () => {
    const given = { list: [{ n: 1 }], plain: { deep: { n: 1 } } }
    const taken = snapshot(given)
    given.list[0] = { n: 2 }
    given.plain.deep.n = 2
    expect(taken).toEqual({ list: [{ n: 1 }], plain: { deep: { n: 1 } } })
  })

  it('does not take the word of a prototype that was tampered with', () => {
    const date = new Date(0)
    date.toJSON = () => 'another time'
    date.toISOString = throwing
    expect(snapshot(date)).toBe('1970-01-01T00:00:00.000Z')
  })
})

describe('a walk', () => {
  it('bounds depth and says where it cut', () => {
    let deep: unknown = 'end'
    for (let level = 0; level < LIMITS.depth + 5; level += 1) deep = { in: deep }
    const walk = new Walk()
    const json = JSON.stringify(walk.take('content', deep))
    expect(json).toContain('"[Truncated]"')
    expect(walk.truncated).toEqual([['content', ...Array(LIMITS.depth).fill('in')].join('.')])
  })

  it('ends although every toJSON gives another object with one', () => {
    const endless = (): unknown => ({ toJSON: endless })
    expect(new Walk().take('content', { a: endless() })).toEqual({ a: '[Truncated]' })
  })

  it('bounds breadth, of lists without items too, and says where it cut', () => {
    const walk = new Walk()
    const value = walk.take('content', { wide: Array(LIMITS.breadth + 1).fill(0), sparse: Array(2 ** 32 - 1) })
    expect(value).toMatchObject({ wide: { length: LIMITS.breadth }, sparse: { length: LIMITS.breadth } })
    expect(walk.truncated).toEqual(['content.wide', 'content.sparse'])
  })

  it('bounds the whole', () => {
    const row = Array(LIMITS.breadth).fill(0)
    const walk = new Walk()
    const value = walk.take('content', Array(50).fill(row)) as unknown[][]
    expect(value.flat().length).toBeLessThanOrEqual(LIMITS.entries)
    expect(walk.truncated.length).toBeGreaterThan(0)
  })

  it('names what it could not read', () => {
    const walk = new Walk()
    walk.take('content', {
      a: [
        {
          get b() {
            return throwing()
          },
        },
      ],
      c: unreadable,
    })
    expect(walk.unreadable).toEqual(['content.a.0.b', 'content.c'])
  })

  it('names the right paths below an object that became another', () => {
    const walk = new Walk({ masking: DEFAULT_MASKING })
    walk.take('content', {
      a: { toJSON: () => ({ password: 'hunter2' }) },
      b: new Map([['token', 'abcd']]),
      secret: 'x',
    })
    expect(walk.masked).toEqual(['content.a.password', 'content.b.token', 'content.secret'])
  })

  it('returns plain data itself when it may share, and copies only what changes', () => {
    const plain = { a: 1, list: [1, 'x', null], inner: { b: true, c: undefined } }
    const mixed = { plain, at: new Date(0), none: undefined }
    const walk = new Walk({ share: true, masking: DEFAULT_MASKING })
    expect(walk.take('content', plain)).toBe(plain)
    const copy = walk.take('content', mixed) as { plain: unknown }
    expect(copy).toEqual({ plain, at: '1970-01-01T00:00:00.000Z' })
    expect(copy.plain).toBe(plain)
    expect(mixed.at).toEqual(new Date(0))
  })
})
