import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { requestParts } from '../../../src/context/request'

describe('the fields of a request', () => {
  it('are named as the event names them, and the address goes to the actor', () => {
    const input = {
      id: 17,
      method: 'POST',
      url: '/pay',
      route: '/:what',
      userAgent: 'curl/8',
      ip: '10.0.0.1',
      shard: 3,
    }
    expect(requestParts(input)).toEqual({
      request: { id: '17', method: 'POST', url: '/pay', route: '/:what', user_agent: 'curl/8', shard: 3 },
      ip: '10.0.0.1',
    })
  })

  it('are few of a whole request object: no headers, no cookies, no body', () => {
    const incoming = new IncomingMessage(new Socket())
    incoming.method = 'GET'
    incoming.url = '/inner'
    incoming.headers = { 'user-agent': 'curl/8', cookie: 'sid=1', authorization: 'Basic x' }
    const input = Object.assign(incoming, {
      originalUrl: '/outer/inner',
      ip: '::1',
      route: { path: '/inner' },
      body: { a: 1 },
    })
    expect(requestParts(input as never)).toEqual({
      request: { method: 'GET', url: '/outer/inner', route: '/inner', user_agent: 'curl/8' },
      ip: '::1',
    })
  })

  it('never hold headers, cookies or the body of a plain object either', () => {
    const headers = { 'user-agent': 'curl/8', 'x-key': '1' }
    expect(requestParts({ url: '/x', headers, cookies: { a: 1 }, body: 'b' }).request).toEqual({
      url: '/x',
      user_agent: 'curl/8',
    })
    expect(requestParts({ headers: new Headers(headers) }).request).toEqual({ user_agent: 'curl/8' })
  })

  it('are absent when there is nothing to tell', () => {
    expect(requestParts(undefined)).toEqual({ request: undefined, ip: undefined })
    expect(requestParts({ id: '', url: undefined })).toEqual({ request: undefined, ip: undefined })
  })
})
