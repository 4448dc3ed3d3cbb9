import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AuditLogger } from '../../../src/audit-logger'
import type { AuditEvent } from '../../../src/event/event'
import { waitFor } from '../../support/wait-for'
import { MemoryQueue, spyLogger } from '../../unit/fakes'
import { APPS, type CommonOptions, type RunningApp, type StartApp } from './apps'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

let queue: MemoryQueue
let logger: ReturnType<typeof spyLogger>
let audit: AuditLogger
let app: RunningApp | undefined

beforeEach(() => {
  queue = new MemoryQueue()
  logger = spyLogger()
  audit = new AuditLogger({ lifecycleEvents: false, logger }, { queue })
})
afterEach(async () => {
  await app?.stop()
  app = undefined
  await audit.close()
})

async function start(run: StartApp, options: CommonOptions = {}): Promise<RunningApp> {
  app = await run(audit, { audit, ...options })
  return app
}

function only(action: string): AuditEvent {
  const found = queue.events.filter((event) => event.action === action)
  expect(found.map((event) => event.action)).toEqual([action])
  return found[0] as AuditEvent
}

describe.each(APPS)('the context of a request to %s', (name, run) => {
  it('tells who, what, where from and by which route, and returns the id', async () => {
    const { url } = await start(run)
    const headers = { 'x-user': '7', 'user-agent': 'test/1.0', 'x-request-id': 'req-42' }
    const response = await fetch(`${url}/invoices/12?token=geheim&page=2`, { headers })
    expect(await response.text()).toBe('ok')
    expect(response.headers.get('x-request-id')).toBe('req-42')
    const { user, request, entry_point } = only('VISITED')
    expect(entry_point).toBe('http')
    expect(user).toEqual({ pk: '7', type: 'user', ip: '127.0.0.1' })
    expect(request).toEqual({
      id: 'req-42',
      method: 'GET',
      url: '/invoices/12?token=***&page=2',
      route: '/invoices/:id',
      user_agent: 'test/1.0',
    })
  })

  it('tells the whole pattern of a route below a mounted router', async () => {
    const { url } = await start(run)
    await fetch(`${url}/shop/orders/3`)
    expect(only('VISITED')).toMatchObject({ request: { route: '/shop/orders/:id' }, user: { type: 'anonymous' } })
  })

  it('makes an id where none came, or one that is not well-formed', async () => {
    const { url } = await start(run)
    for (const given of [undefined, 'with space', 'a'.repeat(129), '{"a":1}', 'a,b', 'ä', '<script>']) {
      const headers: Record<string, string> = given === undefined ? {} : { 'x-request-id': given }
      const response = await fetch(`${url}/invoices/1`, { headers })
      const { id } = (queue.events.at(-1) as AuditEvent).request ?? {}
      expect(id).toMatch(UUID)
      expect(response.headers.get('x-request-id')).toBe(id)
    }
  })

  it('takes the id from another header, or from none, as it is told to', async () => {
    const { url } = await start(run, { requestIdHeader: 'X-Correlation-Id' })
    const response = await fetch(`${url}/invoices/1`, { headers: { 'x-correlation-id': 'c-1', 'x-request-id': 'r-1' } })
    expect(response.headers.get('x-correlation-id')).toBe('c-1')
    expect(only('VISITED').request?.id).toBe('c-1')
    await app?.stop()
    const { url: other } = await start(run, { requestIdHeader: false })
    const without = await fetch(`${other}/invoices/1`, { headers: { 'x-request-id': 'r-1' } })
    expect(without.headers.get('x-request-id')).toBeNull()
    expect((queue.events.at(-1) as AuditEvent).request?.id).toMatch(UUID)
  })

  it('returns the id with an error and with a stream as well, and is there in both', async () => {
    const { url } = await start(run)
    const headers = { 'x-user': '7', 'x-request-id': 'req-1' }
    const failed = await fetch(`${url}/shop/boom/5`, { headers })
    expect([failed.status, failed.headers.get('x-request-id')]).toEqual([500, 'req-1'])
    expect(only('FAILED')).toMatchObject({ user: { pk: '7' }, request: { id: 'req-1', route: '/shop/boom/:id' } })
    const streamed = await fetch(`${url}/stream`, { headers })
    expect(await streamed.text()).toBe('abc')
    expect(streamed.headers.get('x-request-id')).toBe('req-1')
    expect(only('STREAMED')).toMatchObject({ user: { pk: '7' }, request: { id: 'req-1', route: '/stream' } })
    const missing = await fetch(`${url}/status/404`, { headers })
    expect([missing.status, missing.headers.get('x-request-id')]).toEqual([404, 'req-1'])
  })

  it('shows of query, body and headers nothing unless it is allowed', async () => {
    const { url } = await start(run)
    const json = { 'content-type': 'application/json' }
    const body = JSON.stringify({ name: 'A', address: { city: 'Bonn', street: 'Weg' }, password: 'geheim' })
    await fetch(`${url}/bodies?page=2&sort=asc`, { method: 'POST', headers: json, body })
    const plain = only('POSTED').request ?? {}
    expect(Object.keys(plain).sort()).toEqual(['id', 'method', 'route', 'url', 'user_agent'])
    await app?.stop()
    const allowed = {
      query: ['page', 'none'],
      body: ['name', 'address.city', 'password'],
      headers: ['Content-Type', 'X-None'],
    }
    const { url: other } = await start(run, allowed)
    await fetch(`${other}/bodies?page=2&sort=asc`, { method: 'POST', headers: json, body })
    const { request } = queue.events.at(-1) as AuditEvent
    expect(request).toMatchObject({
      query: { page: '2' },
      body: { name: 'A', 'address.city': 'Bonn', password: '***' },
      headers: { 'content-type': 'application/json' },
    })
    expect(JSON.stringify(request)).not.toMatch(/geheim|Weg|"sort"/)
  })

  it('believes no forwarding header, unless it comes from a proxy that is trusted', async () => {
    const { url } = await start(run)
    const headers = { 'x-forwarded-for': '203.0.113.9' }
    await fetch(`${url}/invoices/1`, { headers })
    expect(only('VISITED').user?.ip).toBe('127.0.0.1')
    await app?.stop()
    const { url: other } = await start(run, { trustProxy: 'loopback, 10.0.0.0/8' })
    const ipOf = async (forwarded: string) => {
      await fetch(`${other}/invoices/1`, { headers: { 'x-forwarded-for': forwarded } })
      return (queue.events.at(-1) as AuditEvent).user?.ip
    }
    expect(await ipOf('203.0.113.9')).toBe('203.0.113.9')
    expect(await ipOf('198.51.100.1, 203.0.113.9, 10.1.2.3')).toBe('203.0.113.9')
    expect(await ipOf('forged, ::ffff:203.0.113.8')).toBe('203.0.113.8')
    expect(await ipOf('203.0.113.7:4711')).toBe('203.0.113.7')
    expect(await ipOf('unknown')).toBeUndefined()
  })

  it('breaks no request and takes nobody for anonymous when the functions of its options throw', async () => {
    const broken = () => {
      throw new Error('option broken')
    }
    const options = { user: broken, organisation: broken, ip: broken, extra: broken, skip: broken }
    const { url } = await start(run, options as CommonOptions)
    for (let i = 0; i < 3; i += 1) expect((await fetch(`${url}/invoices/1`)).status).toBe(200)
    expect(queue.events).toHaveLength(3)
    for (const event of queue.events) {
      expect(event).toMatchObject({ coverage: 'partial', request: { route: '/invoices/:id' }, entry_point: 'http' })
      expect(event.user).toBeUndefined()
      for (const option of ['user', 'organisation', 'ip', 'extra']) expect(event.coverage_reason).toContain(option)
    }
    const reported = logger.warn.mock.calls.map(([fields]) => (fields as { option?: string }).option)
    expect(reported.sort()).toEqual(['extra', 'ip', 'organisation', 'skip', 'user'])
  })

  it('takes extra content, the organisation and the user from functions, when the event is made', async () => {
    const { url } = await start(run, {
      user: () => ({ id: 'chosen' }),
      organisation: async () => ({ id: 5, name: 'ACME' }),
      extra: () => ({ plan: 'trial' }),
    })
    await fetch(`${url}/invoices/1`)
    await audit.flush()
    expect(only('VISITED')).toMatchObject({
      user: { pk: 'chosen', organisation: 'ACME', organisation_id: '5' },
      content: { plan: 'trial' },
    })
  })

  it('leaves requests alone that are skipped', async () => {
    const { url } = await start(run, { skip: () => true })
    const response = await fetch(`${url}/invoices/1`)
    expect(response.headers.get('x-request-id')).toBeNull()
    const { user, request } = only('VISITED')
    expect({ user, request }).toEqual({})
  })

  it('works the same with the audit logger switched off', async () => {
    const off = new MemoryQueue()
    const disabled = new AuditLogger({ enabled: false, logger }, { queue: off })
    app = await run(disabled, { audit: disabled, monitor: true })
    const response = await fetch(`${app.url}/invoices/1`, { headers: { 'x-request-id': 'req-1' } })
    expect([await response.text(), response.headers.get('x-request-id')]).toEqual(['ok', 'req-1'])
    expect((await fetch(`${app.url}/shop/boom/1`)).status).toBe(500)
    expect(off.events).toEqual([])
    await disabled.close()
  })

  it('is not mixed up when requests follow each other on one connection', async () => {
    const { url, port } = await start(run)
    await fetch(`${url}/invoices/1`, { headers: { 'x-user': '1' } })
    queue.pushes.length = 0
    // Pipelined: all are sent before the first is answered, and their bodies are read while others are served.
    const body = JSON.stringify({ name: 'x'.repeat(3000) })
    const lines = (user: number) =>
      [
        `POST /bodies HTTP/1.1\r\nhost: localhost\r\nx-user: ${user}\r\nx-request-id: r-${user}\r\n`,
        `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      ].join('')
    const connection = connect(port, '127.0.0.1')
    connection.resume()
    connection.write([1, 2, 3, 4, 5].map(lines).join(''))
    await waitFor(() => queue.events.length === 5, { what: 'five events' })
    connection.destroy()
    const seen = queue.events.map(({ user, request }) => [user?.pk, request?.id])
    expect(seen.sort()).toEqual([1, 2, 3, 4, 5].map((user) => [String(user), `r-${user}`]))
  })

  it(`refuses options that ${name} could not be set up with`, async () => {
    const code = 'AUDIT_CONTEXT_OPTION_INVALID'
    await expect(async () => await run(audit, { trustProxy: '10.0.0.0/99' })).rejects.toMatchObject({ code })
    await expect(async () => await run(audit, { session: true, audit })).rejects.toMatchObject({
      code,
      message: expect.stringContaining('session') as string,
    })
    await expect(async () => await run(audit, { monitor: { perMinute: 0 } })).rejects.toMatchObject({ code })
  })
})
