import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Socket } from 'node:net'

/** As many connections as the SDK allows itself. */
const OPTIONS = { keepAlive: true, maxSockets: 50 }

/**
 * Agents whose connections end when they come too late for the call that waits for them. A process that was stopped for
 * longer than its lease while a connection was being made would otherwise send its batch when it goes on: Node handles
 * the connection before any timer, and another worker may have sent the same events by then.
 *
 * @param ms how long a call may take
 */
export function punctualAgents(ms: number): { httpAgent: HttpAgent; httpsAgent: HttpsAgent } {
  return { httpAgent: punctual(new HttpAgent(OPTIONS), ms), httpsAgent: punctual(new HttpsAgent(OPTIONS), ms) }
}

type Connect = (...args: unknown[]) => Socket | undefined

function punctual<T extends HttpAgent>(agent: T, ms: number): T {
  const connect = (Reflect.get(agent, 'createConnection') as Connect).bind(agent)
  const createConnection: Connect = (...args) => {
    const asked = performance.now()
    const socket = connect(...args)
    // Before the listener that writes what waits for the connection.
    socket?.prependListener('connect', () => {
      if (performance.now() - asked > ms) socket.destroy(new Error('the connection came too late'))
    })
    return socket
  }
  return Object.assign(agent, { createConnection })
}
