import { randomBytes } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'

/** The shortest that any system allows for the path of a socket is 104 bytes, its end included. */
const MOST_PATH_BYTES = 100

/**
 * Says that a process lives: a socket that it listens on. The kernel closes it with the process, however that ends, and
 * keeps answering while the process is stopped or busy; a process id would be taken by another process in time, and
 * means nothing in another container that shares the directory.
 */
export class SpillLock {
  readonly id = randomBytes(8).toString('hex')
  readonly #server: Server
  readonly #address: SocketAddress

  /** @throws when the socket cannot be made there */
  constructor(root: string) {
    this.#address = socketAddress(root, this.id)
    this.#server = createServer((socket) => socket.destroy())
    let problem: Error | undefined
    this.#server.on('error', (error) => {
      problem = error
    })
    // Exclusive: in a process of node:cluster the primary would listen in its stead, and outlive it.
    this.#server.listen({ path: this.#address.path, exclusive: true })
    this.#server.unref()
    if (!this.#server.listening) {
      this.#address.release()
      throw problem ?? new Error(`no socket can be made in ${root}`)
    }
  }

  async release(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#address.release()
  }

  /** Whether the process that made this lock lives. When in doubt it does: nobody takes what may be in use. */
  static isHeld(root: string, id: string): Promise<boolean> {
    const address = socketAddress(root, id)
    return new Promise<boolean>((resolve) => {
      const socket = connect(address.path, () => resolve(true))
      socket.on('connect', () => socket.destroy())
      socket.on('error', (error: NodeJS.ErrnoException) =>
        resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
      )
    }).finally(() => address.release())
  }
}

/** The file that stays behind when a process was killed; on Windows there is none. */
export function lockFile(root: string, id: string): string {
  return join(root, `${id}.lock`)
}

interface SocketAddress {
  readonly path: string
  readonly release: () => void
}

function socketAddress(root: string, id: string): SocketAddress {
  if (process.platform === 'win32') return { path: `\\\\.\\pipe\\audit-logger-${id}`, release: () => undefined }
  const path = lockFile(root, id)
  if (Buffer.byteLength(path) <= MOST_PATH_BYTES) return { path, release: () => undefined }
  if (process.platform !== 'linux') throw new Error(`its path may have ${MOST_PATH_BYTES - 22} bytes on this system`)
  // A longer path would be cut off, so it is entered by a shorter one.
  const directory = openSync(root, 'r')
  return { path: `/proc/self/fd/${directory}/${id}.lock`, release: () => closeSync(directory) }
}
