import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * A free loopback port below the range the system hands out to outgoing connections (from 32768 on Linux). Inside it, a
 * client that reconnects while the server is down can be given the server's own port, and then connects to itself.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(20_000, 32_000)
    if (await isFree(port)) return port
  }
  throw new Error('No free loopback port between 20000 and 32000 in 100 attempts')
}

/** Starts a server on a free port, with another port if it was taken in the meantime by a test running beside this one. */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    try {
      return await start(port)
    } catch (error) {
      if (attempt === 5 || !/address already in use|could not bind|can't start server/i.test(String(error))) throw error
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
