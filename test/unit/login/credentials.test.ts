import { describe, expect, it } from 'vitest'
import { credentialsOf } from '../../../src/login/credentials'

const basic = (text: string) => ({ headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` } })

describe('the credentials of a request', () => {
  it('are the usual fields of body and query', () => {
    expect(credentialsOf({ body: { username: 'ann', password: 'p1', otp: 123456 } })).toEqual({
      username: 'ann',
      secrets: ['p1', '123456'],
      presented: true,
    })
    expect(credentialsOf({ body: undefined, query: { email: 'ann@example.org' } }).username).toBe('ann@example.org')
    expect(credentialsOf({ body: { user: { name: 'x', password: 'p2' } } }).secrets).toEqual(['p2'])
  })

  it('are those that the strategy names, also inside of others', () => {
    const strategy = { _usernameField: 'user[mail]', _passwordField: 'user[kennung]' }
    expect(
      credentialsOf({ body: { username: 'not me', user: { mail: 'ann', kennung: 'p3' } } }, strategy),
    ).toMatchObject({
      username: 'ann',
      secrets: ['p3'],
    })
  })

  it('are those of an authorization header', () => {
    expect(credentialsOf(basic('ann:p4:5'))).toEqual({ username: 'ann', secrets: ['p4:5'], presented: true })
    expect(credentialsOf(basic('no colon'))).toEqual({ username: undefined, secrets: ['no colon'], presented: true })
    const bearer = credentialsOf({ headers: { authorization: 'Bearer t-1' } })
    expect(bearer).toEqual({ username: undefined, secrets: ['t-1'], presented: true })
  })

  it('are none where nothing was given, whatever stands there', () => {
    const none = { username: undefined, secrets: [], presented: false }
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error('boom')
        },
        ownKeys: () => {
          throw new Error('boom')
        },
      },
    )
    for (const body of [undefined, null, 'text', 7, [], { username: { toString: () => 'forged' } }, { username: '' }]) {
      expect(credentialsOf({ body })).toEqual(none)
    }
    expect(credentialsOf({ body: hostile, query: hostile, headers: hostile })).toMatchObject({ username: undefined })
  })
})
