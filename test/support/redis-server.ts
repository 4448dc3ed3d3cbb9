import { connect } from 'node:net'
import { onFreePort } from './port'
import { type SpawnedProcess, spawnProcess } from './spawn-process'
import { removeDirectory, temporaryDirectory } from './temp-directory'
import { waitFor } from './wait-for'

export interface RedisServerOptions {
  /** Keeps the data through kill() and restart(); off unless given. Syncing every second loses nothing to SIGKILL. */
  appendonly?: boolean
  /** More arguments for redis-server, for example `['--maxmemory', '10mb']`. */
  args?: readonly string[]
  /** `redis-server` unless given; any server that takes the same arguments. */
  binary?: string
}

/** A real redis-server of the test's own, on a loopback port, in a temporary directory. */
export class RedisServer {
  readonly port: number
  readonly url: string
  readonly #directory: string
  readonly #options: RedisServerOptions
  #process: SpawnedProcess

  constructor(port: number, directory: string, options: RedisServerOptions) {
    this.port = port
    this.url = `redis://127.0.0.1:${port}`
    this.#directory = directory
    this.#options = options
    this.#process = this.#spawn()
  }

  get pid(): number {
    return this.#process.pid
  }

  get running(): boolean {
    return this.#process.running
  }

  /** Resolves when the server answers, with its data loaded; rejects with its output if it ends instead. */
  async ready(): Promise<void> {
    const what = `redis-server on port ${this.port}`
    await waitFor(async () => !this.running || (await ping(this.port)), { what, timeoutMs: 30_000 })
    if (!this.running) throw new Error(`${what} ended at once:\n${this.#process.output}`)
  }

  /** Ends the server and leaves its data where it is. SIGKILL unless given, as a crash would. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#process.kill(signal)
  }

  /** The server stops answering without closing a connection, as behind a dead network, until resume(). */
  pause(): void {
    this.#process.signal('SIGSTOP')
  }

  resume(): void {
    this.#process.signal('SIGCONT')
  }

  /** Starts it again on the same port with what was persisted; kills it first if it still runs. */
  async restart(): Promise<void> {
    if (this.running) await this.kill()
    this.#process = this.#spawn()
    await this.ready()
  }

  async stop(): Promise<void> {
    if (this.running) await this.kill()
    removeDirectory(this.#directory)
  }

  #spawn(): SpawnedProcess {
    const { appendonly = false, args = [], binary = 'redis-server' } = this.#options
    const persistence = ['--save', '', '--appendonly', appendonly ? 'yes' : 'no', '--dir', this.#directory]
    return spawnProcess(
      binary,
      ['--port', String(this.port), '--bind', '127.0.0.1', ...persistence, '--maxmemory-policy', 'noeviction', ...args],
      { cwd: this.#directory, directory: this.#directory },
    )
  }
}

/**
 * @example
 * const redis = await startRedisServer({ appendonly: true })
 * afterAll(() => redis.stop())
 */
export function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  return onFreePort(async (port) => {
    const server = new RedisServer(port, temporaryDirectory('redis'), options)
    try {
      await server.ready()
      return server
    } catch (error) {
      await server.stop()
      throw error
    }
  })
}

/** Without a client library: whether the server answers must not depend on how ioredis reconnects. */
function ping(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    socket.setTimeout(1000, () => socket.destroy())
    socket.once('data', (answer) => {
      resolve(/^(\+PONG|-NOAUTH)/.test(answer.toString()))
      socket.destroy()
    })
    socket.on('error', () => resolve(false))
    socket.on('close', () => resolve(false))
  })
}
