import { describe, expect, it } from 'vitest'
import { matchedRoute, watchRoutes } from '../../../../src/context/adapters/express-route'
import { allowList } from '../../../../src/context/http/allow-list'
import { queryOf } from '../../../../src/context/http/query'
import { requestId } from '../../../../src/context/http/request-id'
import { sessionHash } from '../../../../src/context/http/session'
import { unreadable } from '../../../../src/event/values'
import { settingsWith } from '../../fakes'

describe('an allow-list', () => {
  it('takes what it names, by name or path, and nothing else', () => {
    const allow = allowList(['a', 'b.c', 'x.y', 'none'])
    expect(allow({ a: [1], b: { c: 2, d: 3 }, 'x.y': 4, z: 5 })).toEqual({ a: [1], 'b.c': 2, 'x.y': 4 })
    expect(allow({ z: 5 })).toBeUndefined()
    for (const nothing of [undefined, null, 'text', 7]) expect(allow(nothing)).toBeUndefined()
  })

  it('takes nothing that is inherited, and passes nothing off as a prototype', () => {
    const allow = allowList(['constructor', 'toString', '__proto__', 'a.constructor.name'])
    expect(allow({ a: {} })).toBeUndefined()
    const own = allow(JSON.parse('{"__proto__":{"admin":true}}'))
    expect(Object.getPrototypeOf(own)).toBe(Object.prototype)
    expect(Object.keys(own ?? {})).toEqual(['__proto__'])
  })

  it('marks what cannot be read', () => {
    const body = {
      get a() {
        throw new Error('no')
      },
    }
    expect(allowList(['a'])(body)).toEqual({ a: unreadable })
  })
})

describe('the query of an address', () => {
  it('has lists where a parameter comes twice', () => {
    expect(queryOf('/a?x=1&y=2&x=3&x=4')).toEqual({ x: ['1', '3', '4'], y: '2' })
    expect(queryOf('/a')).toEqual({})
    expect(queryOf(undefined)).toEqual({})
    expect(Object.keys(queryOf('/a?__proto__=1'))).toEqual(['__proto__'])
  })
})

describe('the id of a request', () => {
  it('is taken over when it is well-formed', () => {
    for (const id of [
      '1',
      'a'.repeat(128),
      '00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01',
      'Root=1-67:a/b',
    ]) {
      expect(requestId({ 'x-id': id }, 'x-id')).toBe(id)
    }
  })

  it('is made when there is none that is', () => {
    for (const id of [undefined, '', 'a b', 'a\r\nb', 'a'.repeat(129), 'é', '"', '<a>', ['a', 'b']]) {
      expect(requestId({ 'x-id': id as string }, 'x-id')).toMatch(/^[0-9a-f-]{36}$/)
    }
    expect(requestId({ 'x-id': 'a' }, undefined)).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe('the hash of a session', () => {
  const key = 'sixteen characters or more'

  it('is the same for the same session and key, and gives nothing away', () => {
    const hash = sessionHash(key, undefined)
    expect(hash('sess-1')).toMatch(/^hmac:[0-9a-f]{64}$/)
    expect(hash('sess-1')).toBe(sessionHash(undefined, settingsWith({ maskKey: key }))('sess-1'))
    expect(hash('sess-1')).not.toBe(hash('sess-2'))
    expect(hash('sess-1')).not.toBe(sessionHash('another key of this length', undefined)('sess-1'))
    for (const none of [undefined, null, '', 7]) expect(hash(none)).toBeUndefined()
  })

  it('cannot be set up without a key that is long enough', () => {
    const invalid = expect.objectContaining({ code: 'AUDIT_CONTEXT_OPTION_INVALID' }) as Error
    expect(() => sessionHash(undefined, settingsWith())).toThrow(invalid)
    expect(() => sessionHash('short', settingsWith())).toThrow(invalid)
  })
})

describe('the matched route of Express', () => {
  it('is as it was when it matched, also when the router was left since', () => {
    const prototype = {}
    watchRoutes(prototype)
    watchRoutes(prototype)
    const request = Object.create(prototype) as { baseUrl: string; route?: unknown }
    expect([request.route, matchedRoute(request)]).toEqual([undefined, undefined])
    request.baseUrl = '/shop'
    const route = { path: '/orders/:id' }
    request.route = route
    request.baseUrl = ''
    expect(request.route).toBe(route)
    expect(matchedRoute(request)).toBe('/shop/orders/:id')
  })

  it('is read from any request, with all that a path may be', () => {
    const at = (baseUrl: string, path: unknown) => matchedRoute({ baseUrl, route: { path } })
    expect(at('', '/')).toBe('/')
    expect(at('/shop', '/')).toBe('/shop')
    expect(at('', ['/a', '/b'])).toBe('/a, /b')
    expect(at('', /^\/a\d+$/)).toBe('/^\\/a\\d+$/')
    expect(matchedRoute({})).toBeUndefined()
  })
})
