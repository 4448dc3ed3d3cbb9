import type { Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { auditContext as expressContext } from '../../src/context/adapters/express'
import { withAuditContext } from '../../src/context/adapters/http'
import { TestAuditLogger } from '../../src/testing'

let server: Server | undefined
let audit: TestAuditLogger | undefined

afterEach(async () => {
  await new Promise((resolve) => server?.close(resolve))
  await audit?.close()
})

async function get(...paths: string[]): Promise<void> {
  if (server === undefined) throw new Error('no server')
  const { port } = server.address() as AddressInfo
  await Promise.all(paths.map((path) => fetch(`http://127.0.0.1:${port}${path}`).then((response) => response.text())))
}

describe('the setting skip', () => {
  it('leaves out events by the request of Express: address, route, method and user', async () => {
    audit = new TestAuditLogger({
      skip: ({ request, user, entryPoint }, action) =>
        entryPoint === 'http' && (request?.route === '/health' || (action === 'OBJ_VIEWED' && user === undefined)),
    })
    const app = express()
    app.use(expressContext({ audit, user: (request) => (request.query as { user?: string }).user }))
    for (const path of ['/health', '/pay']) {
      app.get(path, (_request, response) => {
        audit?.event('ASKED')
        audit?.viewed({ id: 1 })
        response.send('ok')
      })
    }
    app.get('/status', (_request, response) => {
      audit?.viewed({ id: 2 })
      response.send('ok')
    })
    server = app.listen(0)
    await get('/pay?user=7', '/status', '/health?user=7')
    expect(audit.events.map(({ action, request }) => [action, request?.url])).toEqual([
      ['ASKED', '/pay?user=7'],
      ['OBJ_VIEWED', '/pay?user=7'],
    ])
  })

  it('leaves out events by the request of node:http, and no others at the same time', async () => {
    audit = new TestAuditLogger({ skip: ({ request }) => request?.url === '/health' })
    server = createServer(
      withAuditContext(
        async (_request, response) => {
          await new Promise((resolve) => setImmediate(resolve))
          audit?.event('ASKED')
          response.end('ok')
        },
        { audit },
      ),
    ).listen(0)
    await get('/health', '/a', '/health', '/b', '/health')
    expect(audit.events.map(({ request }) => request?.url).sort()).toEqual(['/a', '/b'])
  })
})
