import type { WorkerSettings } from '../../../config/settings'
import { connectRedis, type RedisClient, WORKER_CONNECTION } from '../../../src/queue/connection'
import type { FlushSummary } from '../../../worker/flush'
import { Flusher } from '../../../worker/flusher'
import { NO_METRICS } from '../../../worker/metrics'
import type { Step } from '../../../worker/step'
import { keptLogger } from '../../support/kept-logger'
import { Link, type LinkOptions } from './link'

export interface SimulatedWorkerOptions extends LinkOptions {
  readonly settings: WorkerSettings
  readonly redisPort: number
  readonly endpointPort: number
  readonly onStep: (step: Step, worker: SimulatedWorker) => void
}

/**
 * A real Flusher in this process, with connections of its own that can be taken from it: a hundred times as fast to
 * start and to kill as a process. What a real process does at SIGKILL and SIGSTOP is tested with real processes.
 */
export class SimulatedWorker {
  readonly redisLink: Link
  readonly endpointLink: Link
  readonly #redis: RedisClient
  readonly #flusher: Flusher
  readonly #crash = promise<'crashed'>()
  readonly #end = promise<void>()
  #crashed = false

  private constructor(redisLink: Link, endpointLink: Link, options: SimulatedWorkerOptions) {
    this.redisLink = redisLink
    this.endpointLink = endpointLink
    const settings: WorkerSettings = {
      ...options.settings,
      redis: `redis://127.0.0.1:${redisLink.port}`,
      endpoint: `http://127.0.0.1:${endpointLink.port}`,
    }
    const logger = keptLogger()
    this.#redis = connectRedis(settings, { ...WORKER_CONNECTION, retryStrategy: () => 10 }, logger)
    this.#flusher = new Flusher(this.#redis, settings, logger, NO_METRICS, async (step) => {
      if (!this.#crashed) options.onStep(step, this)
      // A dead worker takes no further step. What hangs here ends with the run.
      if (this.#crashed) {
        await this.#end.promise
        throw new Error('the run has ended')
      }
    })
  }

  static async start(options: SimulatedWorkerOptions): Promise<SimulatedWorker> {
    const [redis, endpoint] = await Promise.all([
      Link.to(options.redisPort, options),
      Link.to(options.endpointPort, options),
    ])
    return new SimulatedWorker(redis, endpoint, options)
  }

  flush(): Promise<FlushSummary | 'crashed'> {
    return Promise.race([this.#flusher.flush(), this.#crash.promise])
  }

  /** As SIGKILL: from this moment nothing of it reaches anybody. */
  crash(): void {
    this.#crashed = true
    this.redisLink.sever()
    this.endpointLink.sever()
    this.#redis.disconnect()
    this.#crash.resolve('crashed')
  }

  calm(): void {
    this.redisLink.calm()
    this.endpointLink.calm()
  }

  async close(): Promise<void> {
    this.#end.resolve()
    const closed = this.#flusher.close()
    // ioredis leaves a command that waits for a reconnect unanswered when the connection is given up instead.
    if (this.#crashed) closed.catch(() => undefined)
    else await closed
    this.#redis.disconnect()
    this.redisLink.sever()
    this.endpointLink.sever()
  }
}

function promise<T>() {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((ok) => {
    resolve = ok
  })
  return { promise, resolve }
}
