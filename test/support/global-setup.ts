import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestProject } from 'vitest/node'
import { buildPackage } from './build'
import type { DatabaseServer } from './database-server'
import { startMariadb } from './mariadb'
import { startPostgres } from './postgres'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where test files ask for what the whole run shares; see shared.ts. */
    sharedServices: string
  }
}

/**
 * Starts what a run shares at the first request, and once: a unit-only run starts nothing, and two files that ask at the
 * same moment get the same server. It lives in vitest's main process, which outlives every test file.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const servers: DatabaseServer[] = []
  const database = (start: () => Promise<DatabaseServer>) => async () => {
    const server = await start()
    servers.push(server)
    const { kind, host, port, username } = server
    return { kind, host, port, username }
  }
  const shared: Record<string, () => Promise<unknown>> = {
    '/postgres': once(database(startPostgres)),
    '/mariadb': once(database(startMariadb)),
    '/build': once(buildPackage),
  }
  const broker = createServer((request, response) => {
    const answer = shared[request.url ?? '']
    Promise.resolve(answer?.()).then(
      (value) => response.end(JSON.stringify({ value })),
      (error: unknown) =>
        response.end(JSON.stringify({ error: error instanceof Error ? error.message : String(error) })),
    )
  })
  project.provide('sharedServices', `http://127.0.0.1:${await listen(broker)}`)
  return async () => {
    broker.close()
    broker.closeAllConnections()
    await Promise.all(servers.map((server) => server.stop()))
  }
}

function once<T>(start: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined
  return () => {
    started ??= start()
    return started
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}
