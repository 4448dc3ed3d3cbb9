import { randomInt } from 'node:crypto'

export const HOST = '127.0.0.1'
const ATTEMPTS = 10

/** The port was taken between choosing and binding it. */
export class PortTaken extends Error {}

/**
 * Starts a server on a random port, and on another one if it is taken. Below 32768, because above it Linux gives ports
 * to outgoing connections: a client that reconnects after the server has ended could get the server's own port and then
 * talk to itself.
 */
export async function onRandomPort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(randomInt(20_000, 32_000))
    } catch (error) {
      if (!(error instanceof PortTaken) || attempt === ATTEMPTS) throw error
    }
  }
}
