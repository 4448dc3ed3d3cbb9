import { describe, expect, it } from 'vitest'
import { readMonitorOptions, type SuspectRequest } from '../../../src/monitor/options'
import { bytesOf, decodedUrl, rulesOf } from '../../../src/monitor/rules'

const settings = readMonitorOptions(true)
if (settings === undefined) throw new Error('it is switched on')
const rules = rulesOf(settings)

function matching(url: string, more: Partial<SuspectRequest> = {}): string[] {
  const plain = { method: 'GET', userAgent: 'Mozilla/5.0', headers: {}, headerBytes: 500, ip: '192.0.2.1' }
  const suspect: SuspectRequest = { ...plain, url, decodedUrl: decodedUrl(url), ...more }
  return rules.filter(({ test }) => test(suspect)).map(({ name }) => name)
}

describe('the rules for suspicious requests', () => {
  it.each([
    '/../../etc/passwd',
    '/files?name=../../secret',
    '/files/..%2f..%2fetc',
    '/files/%2e%2e/%2e%2e/x',
    '/files/%252e%252e%252fx',
    '/files\\..\\..\\win.ini',
    '/download?f=/etc/passwd',
    '/a%00.png',
    '/x/..%c0%af/..%2f%ff',
  ])('find the path traversal in %s', (url) => expect(matching(url)).toContain('path-traversal'))

  it.each(['/.env', '/.git/config', '//wp-login.php', '/phpmyadmin/', '/vendor/phpunit/x', '/%2eenv?x=1'])(
    'find the probe %s',
    (url) => expect(matching(url)).toContain('probe'),
  )

  it.each(['sqlmap/1.7', 'Mozilla/5.00 (Nikto/2.1.6)', 'masscan/1.3', 'Nuclei - v3', '\u0024{jndi:ldap://x}'])(
    'find the scanner %s',
    (userAgent) => expect(matching('/', { userAgent })).toEqual(['scanner']),
  )

  it('find oversized headers and addresses', () => {
    expect(matching('/', { headerBytes: 8_193 })).toEqual(['oversized-headers'])
    expect(matching('/', { headerBytes: 8_192 })).toEqual([])
    expect(matching(`/${'a'.repeat(4_100)}`)).toEqual(['oversized-url'])
    expect(bytesOf(['host', 'a', 'x', 'yz'])).toBe(4 + 1 + 1 + 2 + 8)
  })

  it.each([
    '/invoices/12?page=2&sort=-date',
    '/files/report..final.pdf',
    '/search?q=a...b',
    '/wikis/.environment',
    '/articles/how-nmap-works',
    '/environment',
    '/p/100%25',
    '/p/%zz',
  ])('find nothing in %s', (url) => expect(matching(url)).toEqual([]))

  it('stay quick with an address made to slow them down', () => {
    for (const url of [`/${'../'.repeat(5_000)}`, `/${'%'.repeat(16_000)}`, `/${'.'.repeat(16_000)}`]) {
      const started = performance.now()
      matching(url)
      expect(performance.now() - started).toBeLessThan(1_000)
    }
  })

  it('can be extended, replaced and left out', () => {
    const own = { name: 'own', test: () => true }
    const names = (options: Parameters<typeof readMonitorOptions>[0]) => {
      const read = readMonitorOptions(options)
      return read && rulesOf(read).map(({ name }) => name)
    }
    expect(names({ rules: [own] })).toContain('own')
    expect(names({ rules: [{ ...own, name: 'scanner' }] })).toHaveLength(rules.length)
    expect(names({ rules: [own], suspicious: false })).toEqual(['own'])
    expect(names(false)).toBeUndefined()
    expect(() => readMonitorOptions({ rules: [{ name: '', test: () => true }] })).toThrow(TypeError)
    expect(() => readMonitorOptions({ slowMs: Number.NaN })).toThrow('slowMs')
  })
})
