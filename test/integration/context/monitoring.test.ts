import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AuditLogger } from '../../../src/audit-logger'
import type { AuditEvent } from '../../../src/event/event'
import type { MonitorOptions } from '../../../src/monitor/options'
import { waitFor } from '../../support/wait-for'
import { MemoryQueue, spyLogger } from '../../unit/fakes'
import { APPS, type RunningApp, type StartApp } from './apps'

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

async function start(run: StartApp, monitor: boolean | MonitorOptions | undefined): Promise<RunningApp> {
  app = await run(audit, { audit, monitor })
  return app
}

const OWN = new Set(['VISITED', 'POSTED', 'STREAMED', 'FAILED'])

/** The events of the monitoring: they come when a response is over, which the client may see first. */
function seen(count: number): Promise<AuditEvent[]> {
  const events = () => queue.events.filter(({ action }) => !OWN.has(action))
  return waitFor(() => events().length >= count && events(), { what: `${count} events of the monitoring` })
}

describe.each(APPS)('the security monitoring of %s', (_name, run) => {
  it('records nothing unless it is switched on', async () => {
    const { url } = await start(run, undefined)
    await fetch(`${url}/status/403`, { headers: { 'user-agent': 'sqlmap' } })
    await fetch(`${url}/shop/boom/1`)
    await fetch(`${url}/status/200`)
    expect(queue.events.filter(({ action }) => !OWN.has(action))).toEqual([])
  })

  it('records responses that deny something, with who asked', async () => {
    const { url } = await start(run, true)
    for (const status of [200, 401, 403, 404, 429]) {
      await fetch(`${url}/status/${status}`, { headers: { 'x-user': '7', 'x-request-id': `r-${status}` } })
    }
    const events = await seen(3)
    expect(events.map(({ action, content, request }) => [action, content?.status, request?.id])).toEqual([
      ['REQUEST_DENIED', 401, 'r-401'],
      ['REQUEST_DENIED', 403, 'r-403'],
      ['REQUEST_DENIED', 429, 'r-429'],
    ])
    for (const event of events) {
      expect(event).toMatchObject({ outcome: 'failure', user: { pk: '7', ip: '127.0.0.1' }, entry_point: 'http' })
    }
  })

  it('records an exception that nothing handles, with its reason', async () => {
    const { url } = await start(run, true)
    await fetch(`${url}/shop/boom/5`, { headers: { 'x-user': '7' } })
    const [event, ...others] = await seen(1)
    expect(others).toEqual([])
    expect(event).toMatchObject({
      action: 'UNHANDLED_EXCEPTION',
      outcome: 'failure',
      reason: 'Error: boom',
      user: { pk: '7' },
      request: { route: '/shop/boom/:id' },
      content: { status: 500, error: { name: 'Error' } },
    })
  })

  it('says no more of an error of the server whose cause it does not know', async () => {
    const { url } = await start(run, true)
    await fetch(`${url}/status/503`)
    expect(await seen(1)).toMatchObject([{ action: 'REQUEST_FAILED', content: { status: 503 } }])
  })

  it('records requests that take longer than they may', async () => {
    const { url } = await start(run, { slowMs: 20 })
    // Well above it: timers count whole milliseconds of the event loop, and may end up to one too early.
    await fetch(`${url}/status/200`, { headers: { 'x-wait': '40' } })
    const [event] = await seen(1)
    expect(event).toMatchObject({ action: 'REQUEST_SLOW', content: { threshold_ms: 20, status: 200 } })
    expect(event?.content?.duration_ms).toBeGreaterThanOrEqual(20)
  })

  it('records suspicious requests, with the rules that found them', async () => {
    const { url, port } = await start(run, { rules: [{ name: 'own', test: ({ url }) => url.endsWith('?own=1') }] })
    const raw = connect(port, '127.0.0.1').on('error', () => undefined)
    raw.write('GET /../../etc/passwd HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    raw.resume()
    await seen(1)
    raw.destroy()
    await fetch(`${url}/status/200?own=1`, { headers: { 'user-agent': 'sqlmap/1.7', 'x-large': 'a'.repeat(9_000) } })
    const events = await seen(2)
    expect(events.map(({ action, content }) => [action, content?.rules])).toEqual([
      ['REQUEST_SUSPICIOUS', ['path-traversal']],
      ['REQUEST_SUSPICIOUS', ['scanner', 'oversized-headers', 'own']],
    ])
  })

  it('cannot be made to flood the log, and counts what it leaves out', async () => {
    const { url } = await start(run, { perMinute: 5 })
    await Promise.all(Array.from({ length: 60 }, () => fetch(`${url}/status/401`)))
    await Promise.all(Array.from({ length: 3 }, () => fetch(`${url}/status/403`)))
    await seen(8)
    // Served to the last, so that all are counted when the logger says good-bye.
    await app?.stop()
    app = undefined
    await audit.close()
    const events = queue.events.filter(({ action }) => !OWN.has(action))
    const count = (status: number) => events.filter(({ content }) => content?.status === status).length
    expect([count(401), count(403)]).toEqual([5, 3])
    expect(events.at(-1)).toMatchObject({
      action: 'SECURITY_EVENTS_SUPPRESSED',
      entry_point: 'system',
      user: { type: 'system' },
      content: { event: 'REQUEST_DENIED', kind: '401', count: 55 },
    })
    expect(events).toHaveLength(9)
  })
})

describe('the security monitoring', () => {
  const [[, express] = []] = APPS
  if (express === undefined) throw new Error('there is an application')

  it('reports a rule that throws once, and breaks no request by it', async () => {
    const test = () => {
      throw new Error('rule broken')
    }
    const { url } = await start(express, { rules: [{ name: 'broken', test }] })
    for (let i = 0; i < 3; i += 1) expect((await fetch(`${url}/status/401`)).status).toBe(401)
    expect(await seen(3)).toHaveLength(3)
    expect(logger.warn.mock.calls.map(([fields]) => fields)).toMatchObject([
      { code: 'AUDIT_CONTEXT_OPTION_FAILED', option: 'monitor rule broken' },
    ])
  })

  it('records what ends the process, and leaves that to Node', async () => {
    await start(express, true)
    const before = process.listenerCount('uncaughtException')
    const emitter: NodeJS.EventEmitter = process
    emitter.emit('uncaughtExceptionMonitor', Object.assign(new Error('gone'), { code: 'E_GONE' }), 'unhandledRejection')
    expect(await seen(1)).toMatchObject([
      {
        action: 'UNHANDLED_EXCEPTION',
        reason: 'Error: gone',
        content: { origin: 'unhandledRejection', error: { name: 'Error', code: 'E_GONE' } },
        entry_point: 'system',
      },
    ])
    expect(process.listenerCount('uncaughtException')).toBe(before)
  })

  it('records a request that its client gave up', async () => {
    const { port } = await start(express, { statuses: [], slowMs: 0, suspicious: false })
    const socket = connect(port, '127.0.0.1')
    socket.write('GET /status/200 HTTP/1.1\r\nhost: a\r\nx-user: 7\r\n\r\n', () => socket.destroy())
    const [event] = await seen(1)
    expect(event).toMatchObject({ action: 'REQUEST_SLOW', request: { url: '/status/200' } })
  })
})
