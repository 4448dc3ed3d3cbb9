import { describe, expect, it } from 'vitest'
import { maskChanges, maskText } from '../../../src/event/mask'
import { maskUrl, maskUrls } from '../../../src/event/mask-url'
import { kindOfKey } from '../../../src/event/secret-key'

describe('names that say secret', () => {
  it.each([
    'password',
    'newPassword',
    'password_hash',
    'user[password]',
    'accessToken',
    'access_token',
    'TOKEN',
    'clientSecret',
    'Authorization',
    'Set-Cookie',
    'x-api-key',
    'apikey',
    'AWS_SECRET_ACCESS_KEY',
    'private_key',
    'cvv',
    'cardNumber',
    'pin',
    'otp',
    'passphrase',
    'x-amz-signature',
  ])('%s is secret', (name) => expect(kindOfKey(name)).toBe('secret'))

  it.each([
    'name',
    'tokenCount',
    'secretary',
    'pinned',
    'author',
    'company',
    'shipping',
    'compass',
    'passengers',
    'span',
    '__proto__',
    'constructor',
    '',
  ])('%j is not', (name) => expect(kindOfKey(name)).toBe('plain'))
})

describe('maskUrl', () => {
  it.each([
    ['/reset?user=7&token=abc#top', '/reset?user=7&token=***#top'],
    ['https://bob:hunter2@example.org/x', 'https://***@example.org/x'],
    ['https://bob:p@ss@example.org/x', 'https://***@example.org/x'],
    ['//user@host/x?a=1', '//***@host/x?a=1'],
    ['/cb#access_token=abc&state=1', '/cb#access_token=***&state=1'],
    ['/x?a=1&pass%77ord=abc', '/x?a=1&pass%77ord=***'],
    ['/x?user[password]=abc;api_key=d', '/x?user[password]=***;api_key=***'],
    ['/x?token=%E0%A4%A', '/x?token=***'],
    ['/x?token=&token', '/x?token=&token'],
    ['/mail@example.org?q=a@b', '/mail@example.org?q=a@b'],
    ['/x?q=%zz&plain=1', '/x?q=%zz&plain=1'],
    ['', ''],
  ])('%s', (url, expected) => expect(maskUrl(url)).toBe(expected))

  it('tells the raw values, decoded too', () => {
    const secrets: string[] = []
    maskUrl('redis://app:hunter2@h/?token=a%20b', (raw) => secrets.push(raw))
    expect(new Set(secrets)).toEqual(new Set(['hunter2', 'a%20b', 'a b']))
  })

  it('masks addresses inside a text and leaves the text', () => {
    expect(maskUrls('GET https://a:bcd@h/x?token=12 failed, see "postgres://u:p@db/x"')).toBe(
      'GET https://***@h/x?token=*** failed, see "postgres://***@db/x"',
    )
  })

  it('takes linear time on long words', () => {
    const began = performance.now()
    maskUrls(`${'a'.repeat(500_000)}://${'?'.repeat(100_000)}${'&a'.repeat(100_000)}`)
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})

describe('maskText', () => {
  it('finds a secret wherever and however it is written', () => {
    const secret = 'p&ss "w" é'
    const text = [
      secret,
      encodeURIComponent(secret),
      new URLSearchParams({ v: secret }).toString(),
      JSON.stringify({ secret }),
    ].join(' ')
    const masked = maskText(text, [secret])
    expect(masked).toBe('*** *** v=*** {"secret":"***"}')
  })

  it('leaves nothing of a secret that contains another', () => {
    expect(maskText('abcd1234 abcd', ['abcd', 'abcd1234'])).toBe('*** ***')
  })

  it('replaces short ones only where they stand alone', () => {
    expect(maskText('card 123, order 41235, 123', ['123'])).toBe('card ***, order 41235, ***')
  })

  it('takes a secret as text and not as a pattern', () => {
    expect(maskText('a.c+ abc+ $& {x}', ['a.c+', '{x}', '$&', ''])).toBe('*** abc+ *** ***')
  })
})

describe('maskChanges', () => {
  it('hides values of the properties, keeps null, and tells paths and secrets', () => {
    const changes = { password: { from: null, to: 'hunter2' }, total: { from: 1, to: 2 } }
    expect(maskChanges(changes, ['password', 'absent'])).toEqual({
      changes: { password: { from: null, to: '***' }, total: { from: 1, to: 2 } },
      masked: ['changes.password'],
      secrets: ['hunter2'],
    })
    expect(changes.password.to).toBe('hunter2')
  })

  it('hides a part of a JSON or embedded property, in lists too', () => {
    const changes = { card: { from: { number: 4111n, holder: 'A' }, to: [{ number: '42', holder: 'B' }] } }
    expect(maskChanges(changes, ['card.number'])).toEqual({
      changes: { card: { from: { number: '***', holder: 'A' }, to: [{ number: '***', holder: 'B' }] } },
      masked: ['changes.card.number'],
      secrets: ['4111', '42'],
    })
  })

  it('hides every column of an embedded property that is named whole', () => {
    const { changes } = maskChanges({ 'address.street': { to: 'Elm' }, addressee: { to: 'Bob' } }, ['address'])
    expect(changes).toEqual({ 'address.street': { to: '***' }, addressee: { to: 'Bob' } })
  })

  it('hides added and removed items of a relation one by one', () => {
    const { changes, secrets } = maskChanges({ tags: { added: ['x1', 'x2'], removed: [] } }, ['tags'])
    expect(changes).toEqual({ tags: { added: ['***', '***'], removed: [] } })
    expect(secrets).toEqual(['x1', 'x2'])
  })

  it('hides what is no text, and takes no secret from true or false', () => {
    const { changes, secrets } = maskChanges({ a: { from: true, to: { deep: [5, new Date(0)] } } }, ['a'])
    expect(changes).toEqual({ a: { from: '***', to: '***' } })
    expect(secrets).toEqual(['5', '1970-01-01T00:00:00.000Z'])
  })
})
