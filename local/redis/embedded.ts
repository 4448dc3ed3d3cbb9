import { createServer, type Server, type Socket } from 'node:net'
import type { LocalRedis } from './local-redis'
import { HOST, onRandomPort, PortTaken } from './port'

/**
 * js-redis-server inside this process, over TCP. Its parts are put together here instead of calling its
 * `createRedisServer`, which listens on every interface of the machine and whose close() waits for its clients to leave.
 */
export async function startEmbeddedRedis(): Promise<LocalRedis> {
  const core = await load()
  return onRandomPort(async (port) => {
    const state = new core.RedisServerState({ databaseCount: 16 })
    const executor = core.createRedisCommandExecutor()
    const sockets = new Set<Socket>()
    const server = createServer({ keepAlive: true, noDelay: true }, (socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      const clientAddress = `${socket.remoteAddress}:${socket.remotePort}`
      core.attachSession(new core.SocketConnectionTransport(socket), { state, executor, clientAddress })
    })
    try {
      await listen(server, port)
    } catch (error) {
      state.close()
      throw error
    }
    let closed: Promise<void> | undefined
    const close = () => {
      closed ??= new Promise<void>((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
        state.close()
      })
      return closed
    }
    return { url: `redis://${HOST}:${port}`, kind: 'js-redis-server', close }
  })
}

/** Loaded only where it is used: it brings a Lua interpreter, and is installed for development only. */
async function load() {
  try {
    return await import('js-redis-server/core')
  } catch (error) {
    throw new Error(`js-redis-server does not load (${error instanceof Error ? error.message : error})`, {
      cause: error,
    })
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? new PortTaken(error.message) : error),
    )
    server.listen(port, HOST, resolve)
  })
}
