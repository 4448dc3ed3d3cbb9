import { describe, expect, it } from 'vitest'
import { clientIp, compileTrust, normalIp, type TrustProxy } from '../../../../src/context/http/client-ip'

function ip(forwarded: string | undefined, trust: TrustProxy | undefined, peer = '127.0.0.1'): string | undefined {
  return clientIp(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }, peer, compileTrust(trust))
}

describe("the client's address", () => {
  it('is that of the other end of the connection when no proxy is trusted, whatever a header says', () => {
    for (const trust of [undefined, false, 0] as const) {
      expect(ip(undefined, trust, '198.51.100.4')).toBe('198.51.100.4')
      expect(ip('203.0.113.1', trust, '198.51.100.4')).toBe('198.51.100.4')
    }
  })

  it('is the last that no trusted proxy has written, as proxy-addr has it', () => {
    const chain = '6.6.6.6, 203.0.113.1, 10.0.0.2'
    expect(ip(chain, 'loopback')).toBe('10.0.0.2')
    expect(ip(chain, ['loopback', '10.0.0.0/8'])).toBe('203.0.113.1')
    expect(ip(chain, 'loopback, 10.0.0.0/8, 203.0.113.0/24')).toBe('6.6.6.6')
    expect(ip(chain, 1)).toBe('10.0.0.2')
    expect(ip(chain, 2)).toBe('203.0.113.1')
    expect(ip(chain, true)).toBe('6.6.6.6')
    expect(ip(chain, (address) => address !== '203.0.113.1')).toBe('203.0.113.1')
  })

  it('cannot be forged from outside of the trusted proxies', () => {
    expect(ip('10.0.0.9', 'uniquelocal', '203.0.113.66')).toBe('203.0.113.66')
    expect(ip('1.1.1.1', '10.0.0.0/8', '::ffff:203.0.113.66')).toBe('203.0.113.66')
  })

  it('is IPv4 where it was written in IPv6, and has neither port nor zone', () => {
    expect(normalIp('::ffff:192.0.2.1')).toBe('192.0.2.1')
    expect(normalIp('::FFFF:C000:0201')).toBe('192.0.2.1')
    expect(normalIp('192.0.2.1:4711')).toBe('192.0.2.1')
    expect(normalIp('[2001:DB8::1]:443')).toBe('2001:db8::1')
    expect(normalIp('fe80::1%eth0')).toBe('fe80::1')
    expect(ip(undefined, undefined, '::ffff:127.0.0.1')).toBe('127.0.0.1')
  })

  it('is unknown where none is given that is one', () => {
    expect(ip(undefined, undefined, undefined as never)).toBe('127.0.0.1')
    expect(clientIp({}, undefined, compileTrust(undefined))).toBeUndefined()
    for (const forwarded of ['unknown', '_hidden', '<b>', '999.1.1.1']) expect(ip(forwarded, true)).toBeUndefined()
  })

  it.each([['10.0.0.0/99'], ['not an address'], [-1], [1.5], [['']]])('refuses %j as a trusted proxy', (trust) => {
    expect(() => compileTrust(trust)).toThrow(TypeError)
  })
})
