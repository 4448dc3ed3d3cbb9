import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { AuditError } from '../config/errors'
import type { Logger } from '../config/logger'
import type { Counters } from './counters'
import { prometheusText } from './prometheus'
import { readinessOf } from './readiness'
import type { ListBooks } from './status'

/** A probe gives up after a few seconds; an answer that comes later is none. */
const READ_MS = 2_000
const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8'

export interface HealthOptions {
  readonly host: string
  readonly port: number
  readonly intervalMs: number
  readonly counters: Counters
  /** Reads the books of all lists from Redis; throws, or takes its time, while Redis cannot be reached. */
  readonly books: () => Promise<readonly ListBooks[]>
  readonly logger: Logger
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** `/healthz`, `/readyz` and `/metrics`, for probes and Prometheus. It says nothing secret and changes nothing. */
export class Health {
  readonly #options: HealthOptions
  readonly #server: Server
  #reading: Promise<readonly ListBooks[]> | undefined

  constructor(options: HealthOptions) {
    this.#options = options
    this.#server = createServer({ headersTimeout: 5_000, requestTimeout: 5_000 }, (request, response) => {
      void this.#serve(request, response)
    })
    this.#server.maxConnections = 64
  }

  /** Never throws: a worker without its health endpoint still ships events, and says that it has none. */
  async listen(): Promise<void> {
    const { host, port, logger } = this.#options
    await new Promise<void>((resolve) => {
      this.#server.on('error', (cause) => {
        const error = new AuditError('AUDIT_HEALTH_UNAVAILABLE', { address: `${host}:${port}`, cause: cause.message })
        logger.error({ code: error.code }, error.message)
        resolve()
      })
      this.#server.listen(port, host, () => {
        logger.info({ host, port }, 'health endpoint listens')
        resolve()
      })
    })
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, type, body } = await this.#answer(request).catch((error: unknown): Answer => {
      this.#options.logger.debug({ err: error }, 'the health endpoint could not read from Redis')
      return text(503, 'Redis cannot be reached')
    })
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      ...(status === 405 && { allow: 'GET, HEAD' }),
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  }

  async #answer({ method, url = '/' }: IncomingMessage): Promise<Answer> {
    if (method !== 'GET' && method !== 'HEAD') return text(405, 'only GET and HEAD')
    const { counters, intervalMs } = this.#options
    switch (url.split('?', 1)[0]) {
      case '/healthz':
        // That it answers is all there is to know: restarting a worker does not bring Redis or AWS back.
        return text(200, 'alive')
      case '/readyz': {
        const { ready, problems } = readinessOf(await this.#books(), {
          intervalMs,
          progressMsAgo: counters.progressMsAgo,
        })
        return text(ready ? 200 : 503, ready ? 'ready' : problems.join('\n'))
      }
      case '/metrics': {
        // What this process counted is worth a scrape while Redis is gone too.
        const lists = await this.#books().catch(() => undefined)
        const up = `# HELP audit_logger_redis_up Whether Redis answered\n# TYPE audit_logger_redis_up gauge\naudit_logger_redis_up ${lists ? 1 : 0}\n`
        return { status: 200, type: PROMETHEUS, body: prometheusText(counters, lists ?? []) + up }
      }
      default:
        return text(404, 'there are /healthz, /readyz and /metrics')
    }
  }

  /** One reading at a time, however many ask: nobody who can reach the port can make Redis busy. */
  async #books(): Promise<readonly ListBooks[]> {
    this.#reading ??= this.#options.books().finally(() => {
      this.#reading = undefined
    })
    this.#reading.catch(() => undefined)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${READ_MS} ms`)), READ_MS)
    })
    try {
      return await Promise.race([this.#reading, late])
    } finally {
      clearTimeout(timer)
    }
  }
}

function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n` }
}
