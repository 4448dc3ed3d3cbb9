import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Call } from './calls'
import type { Counts } from './counts'
import { Endpoint } from './endpoint'
import type { Faults } from './faults'
import type { CloudWatchOptions, OperationName } from './options'
import type { StoredEvent } from './store'

const HOST = '127.0.0.1'

export interface LocalCloudWatch {
  /** For the client's `endpoint`. */
  readonly url: string
  readonly port: number
  /** Every call in the order of arrival, with its answer. */
  readonly calls: readonly Call[]
  readonly counts: Readonly<Counts>
  readonly faults: Faults
  callsOf(operation: OperationName): readonly Call[]
  /** What is stored, in the order of arrival; empty when there is no such stream. */
  events(group: string, stream: string): readonly StoredEvent[]
  /** Makes the group, and the stream if named, unless they are there. */
  ensure(group: string, stream?: string): void
  /** Takes away the stream, or without one the whole group, with its events. */
  remove(group: string, stream?: string): void
  /** Ends every connection, calls that hang included. Safe to call twice. */
  close(): Promise<void>
}

/**
 * A CloudWatch Logs that the unmodified AWS SDK talks to, on 127.0.0.1.
 *
 * @example
 * const endpoint = await startCloudWatch()
 * const client = new CloudWatchLogsClient({ region: 'us-east-1', endpoint: endpoint.url, credentials })
 * endpoint.faults.next('PutLogEvents', { kind: 'resetAfter' })
 */
export async function startCloudWatch(options: CloudWatchOptions = {}): Promise<LocalCloudWatch> {
  const endpoint = new Endpoint(options)
  const server = createServer((request, response) => void endpoint.handle(request, response))
  // Node would end idle connections after five seconds and slow requests after five minutes: resets that no test asked for.
  server.keepAliveTimeout = 0
  server.requestTimeout = 0
  server.headersTimeout = 0
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, HOST, resolve)
  })
  const { port } = server.address() as AddressInfo
  const { store, calls, counts, faults } = endpoint
  let closed: Promise<void> | undefined

  return {
    url: `http://${HOST}:${port}`,
    port,
    calls,
    counts,
    faults,
    callsOf: (operation) => calls.filter((call) => call.operation === operation),
    events: (group, stream) => store.groups.get(group)?.streams.get(stream)?.arrived ?? [],
    ensure(group, stream) {
      if (!store.groups.has(group)) store.createGroup(group)
      if (stream !== undefined && !store.group(group).streams.has(stream)) store.createStream(group, stream)
    },
    remove(group, stream) {
      if (stream === undefined) store.groups.delete(group)
      else store.groups.get(group)?.streams.delete(stream)
    },
    close() {
      closed ??= new Promise<void>((resolve) => {
        endpoint.close()
        server.close(() => resolve())
        server.closeAllConnections()
      })
      return closed
    },
  }
}
