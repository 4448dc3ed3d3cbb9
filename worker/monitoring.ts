import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs'
import type { Logger } from '../config/logger'
import type { WorkerSettings } from '../config/settings'
import type { RedisClient } from '../src/queue/connection'
import { type Meter, type Observable, type ObserveBatch, openMeter } from '../src/telemetry/meter'
import { AgeWatch } from './age-watch'
import { Counters } from './counters'
import { createClient } from './destination'
import { Health } from './health'
import { type Instrument, OBSERVED, type Observed } from './instruments'
import type { WorkerMetrics } from './metrics'
import { observe } from './prometheus'
import { type ListBooks, readFleetBooks, sumOf } from './status'

const MOST_OFTEN_MS = 1_000
const LEAST_OFTEN_MS = 60_000

/** All that lets people see a worker: counters, OpenTelemetry, the health endpoint, the warning of an old backlog. */
export class Monitoring {
  readonly #redis: RedisClient
  readonly #settings: WorkerSettings
  readonly #logger: Logger
  readonly #client: CloudWatchLogsClient
  readonly #counters: Counters
  readonly #ageWatch: AgeWatch
  readonly #health: Health | undefined
  readonly #stopObserving: () => void
  #timer: NodeJS.Timeout | undefined
  #looking = false

  constructor(redis: RedisClient, settings: WorkerSettings, logger: Logger, meter = openMeter()) {
    this.#redis = redis
    this.#settings = settings
    this.#logger = logger
    this.#client = createClient(settings)
    this.#counters = new Counters(meter, (err) => logger.warn({ err }, 'a metric could not be passed on'))
    this.#ageWatch = new AgeWatch(this.#client, settings.groupName, logger)
    this.#stopObserving = meter === undefined ? () => undefined : observeBooks(meter, () => this.#books(), logger)
    const { healthPort: port, healthHost: host } = settings
    if (port === undefined) return
    const books = () => this.#books()
    this.#health = new Health({ host, port, intervalMs: this.#intervalMs, counters: this.#counters, books, logger })
  }

  /** What the parts of the worker count with. */
  get metrics(): WorkerMetrics {
    return this.#counters
  }

  async start(): Promise<void> {
    const everyMs = Math.min(LEAST_OFTEN_MS, Math.max(MOST_OFTEN_MS, this.#intervalMs))
    this.#timer = setInterval(() => void this.#look(), everyMs)
    void this.#look()
    await this.#health?.listen()
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#stopObserving()
    await this.#health?.close()
    this.#client.destroy()
  }

  get #intervalMs(): number {
    return this.#settings.logInterval * 60_000
  }

  /** Fails at once while Redis is gone: commands of a worker's connection would wait for it as long as it takes. */
  async #books(): Promise<ListBooks[]> {
    if (this.#redis.status !== 'ready') throw new Error('Redis is not connected')
    return readFleetBooks(this.#redis, this.#settings)
  }

  async #look(): Promise<void> {
    if (this.#looking) return
    this.#looking = true
    try {
      await this.#ageWatch.look(sumOf(await this.#books()).oldestAgeMs)
    } catch (err) {
      this.#logger.debug({ err }, 'the backlog could not be looked at')
    } finally {
      this.#looking = false
    }
  }
}

/** Tells OpenTelemetry what Redis holds, whenever it asks. @returns ends that */
function observeBooks(meter: Meter, books: () => Promise<readonly ListBooks[]>, logger: Logger): () => void {
  const entries = Object.entries(OBSERVED) as [Observed, Instrument][]
  const observables = new Map<Observed, Observable>(
    entries.map(([observed, { name, kind, unit, description }]) => [
      observed,
      kind === 'counter'
        ? meter.createObservableCounter(name, { unit, description })
        : meter.createObservableGauge(name, { unit, description }),
    ]),
  )
  const callback: ObserveBatch = async (result) => {
    try {
      for (const list of await books()) {
        for (const [observed, observable] of observables) {
          result.observe(observable, observe(observed, list), { list: list.list })
        }
      }
    } catch (err) {
      logger.debug({ err }, 'the metrics of the lists could not be read')
    }
  }
  const all = [...observables.values()]
  meter.addBatchObservableCallback(callback, all)
  return () => meter.removeBatchObservableCallback(callback, all)
}
