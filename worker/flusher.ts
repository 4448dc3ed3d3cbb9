import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs'
import type { Logger } from '../config/logger'
import type { WorkerSettings } from '../config/settings'
import type { RedisClient } from '../src/queue/connection'
import { queueKeys } from '../src/queue/keys'
import { PendingList } from '../src/queue/pending-list'
import { Deliverer } from './deliver'
import { createClient, Destination } from './destination'
import { Flush, type FlushSummary } from './flush'
import { Reconciler } from './reconcile'
import { saveLastFlush } from './summary'

/** Flushes one pending list, one flush at a time in this process; across processes the lease decides. */
export class Flusher {
  readonly #redis: RedisClient
  readonly #settings: WorkerSettings
  readonly #logger: Logger
  readonly #client: CloudWatchLogsClient
  readonly #list: PendingList
  readonly #deliverer: Deliverer
  readonly #stop = new AbortController()
  /** Says, wherever the lease is shown, which process holds it. */
  readonly #owner = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`
  #running: Promise<FlushSummary> | undefined

  constructor(redis: RedisClient, settings: WorkerSettings, logger: Logger) {
    const { leaseMs, patienceMs, reconcileWaitsMs } = settings.worker
    this.#redis = redis
    this.#settings = settings
    this.#logger = logger
    this.#client = createClient(settings)
    this.#list = new PendingList(redis, queueKeys(settings.prefix), leaseMs)
    const destination = new Destination(this.#client, settings)
    const reconciler = new Reconciler(destination, reconcileWaitsMs, logger)
    this.#deliverer = new Deliverer(destination, reconciler, patienceMs, logger)
  }

  /** A call during a flush joins it: two flushes of one process would take the lease from each other. */
  flush(): Promise<FlushSummary> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Lets the batches in flight end, and the flush with them; the rest stays pending. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
    this.#client.destroy()
  }

  async #run(): Promise<FlushSummary> {
    const flush = new Flush(this.#list, this.#deliverer, this.#settings.worker, this.#logger, this.#stop.signal)
    const summary = await flush.run(this.#owner)
    this.#say(summary)
    if (summary.outcome !== 'busy') {
      await saveLastFlush(this.#redis, queueKeys(this.#settings.prefix), summary).catch((err: unknown) =>
        this.#logger.warn({ err }, 'the summary of the flush could not be saved'),
      )
    }
    return summary
  }

  #say({ error, ...summary }: FlushSummary): void {
    if (error === undefined) this.#logger.info(summary, 'flush')
    else this.#logger.error({ ...summary, code: error.code }, `flush: ${error.message}`)
  }
}
