import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Redis } from 'ioredis'
import type { AuditLoggerOptions } from '../../config/settings'
import { AuditLogger } from '../../src/audit-logger'
import type { AuditEvent } from '../../src/event/event'
import { type RedisServer, startRedisServer } from './redis-server'

/** A logger on a Redis of the test's own, and what it has pushed. */
export class LoginEvents {
  readonly #server: RedisServer
  readonly #redis: Redis
  readonly #loggers: AuditLogger[] = []
  #made = 0

  private constructor(server: RedisServer) {
    this.#server = server
    this.#redis = new Redis(server.url)
  }

  static async start(): Promise<LoginEvents> {
    return new LoginEvents(await startRedisServer())
  }

  get url(): string {
    return this.#server.url
  }

  /** Redis answers nobody until `resume()`. */
  pause(): void {
    this.#server.pause()
  }

  resume(): void {
    this.#server.resume()
  }

  /** A new one for each test, with a list of its own. */
  logger(options: AuditLoggerOptions = {}): AuditLogger {
    this.#made += 1
    const fixed = { redis: this.#server.url, prefix: `audit-${this.#made}`, lifecycleEvents: false }
    const logger = new AuditLogger({ ...fixed, ...options })
    this.#loggers.push(logger)
    return logger
  }

  /** All that the logger has recorded so far, as it stands in Redis. */
  async of(logger: AuditLogger): Promise<AuditEvent[]> {
    await logger.flush()
    const lines = await this.#redis.lrange(`{${logger.settings.prefix}}:pending`, 0, -1)
    return lines.map((line) => JSON.parse(line) as AuditEvent)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#loggers.map((logger) => logger.close()))
    this.#redis.disconnect()
    await this.#server.stop()
  }
}

/** A browser: it keeps cookies, follows no redirects, and posts forms. */
export class Browser {
  #cookie: string | undefined

  constructor(readonly url: string) {}

  async post(path: string, form: Record<string, string> = {}, headers: Record<string, string> = {}): Promise<Response> {
    return this.#send(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(form),
    })
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.#send(path, { headers })
  }

  async #send(path: string, init: RequestInit & { headers: Record<string, string> }): Promise<Response> {
    const cookie = this.#cookie
    const headers = { 'user-agent': 'vitest', ...(cookie !== undefined && { cookie }), ...init.headers }
    const response = await fetch(this.url + path, { ...init, headers, redirect: 'manual' })
    await response.clone().text()
    const [set] = response.headers.getSetCookie()
    if (set !== undefined) this.#cookie = set.split(';')[0]
    return response
  }
}

/** Serves on a free port of loopback; call `close` at the end. */
export async function serve(listener: RequestListener): Promise<{ url: string; close: () => Promise<void> }> {
  const server: Server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
