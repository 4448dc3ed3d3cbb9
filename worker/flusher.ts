import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Logger } from '../config/logger'
import type { WorkerSettings } from '../config/settings'
import type { RedisClient } from '../src/queue/connection'
import { type QueueKeys, queueKeys } from '../src/queue/keys'
import { PendingList } from '../src/queue/pending-list'
import { Deliverer } from './deliver'
import { createClient, Destination } from './destination'
import { Flush, type FlushSummary } from './flush'
import { NO_METRICS, type WorkerMetrics } from './metrics'
import { Reconciler } from './reconcile'
import { noStep, type OnStep } from './step'
import { saveLastFlush } from './summary'

/** Flushes one pending list, one flush at a time in this process; across processes the lease decides. */
export class Flusher {
  readonly #redis: RedisClient
  readonly #settings: WorkerSettings
  readonly #logger: Logger
  readonly #list: PendingList
  readonly #deliverer: Deliverer
  readonly #destination: Destination
  /** Whether somebody else closes it. */
  readonly #isShared: boolean
  readonly #metrics: WorkerMetrics
  readonly #stop = new AbortController()
  readonly #onStep: OnStep
  readonly #owner: string
  readonly #keys: QueueKeys
  #pass = new AbortController()
  #running: Promise<FlushSummary> | undefined

  /**
   * @param onStep see step.ts; for tests
   * @param keys which of the pending lists; the one of the prefix alone unless given
   * @param owner what the lease says of its holder; a new name unless given
   * @param destination where the events go, if several lists share it; one of its own unless given
   */
  constructor(
    redis: RedisClient,
    settings: WorkerSettings,
    logger: Logger,
    metrics: WorkerMetrics = NO_METRICS,
    onStep: OnStep = noStep,
    keys: QueueKeys = queueKeys(settings.prefix),
    owner: string = newOwner(),
    destination?: Destination,
  ) {
    this.#keys = keys
    this.#owner = owner
    this.#metrics = metrics
    this.#onStep = onStep
    const { leaseMs, patienceMs, reconcileWaitsMs } = settings.worker
    this.#redis = redis
    this.#settings = settings
    this.#logger = logger
    this.#list = new PendingList(redis, keys, leaseMs)
    this.#isShared = destination !== undefined
    this.#destination = destination ?? new Destination(createClient(settings), settings, metrics, logger)
    const reconciler = new Reconciler(this.#destination, reconcileWaitsMs, logger)
    this.#deliverer = new Deliverer(this.#destination, reconciler, patienceMs, logger, metrics, onStep)
  }

  /** A call during a flush joins it: two flushes of one process would take the lease from each other. */
  flush(): Promise<FlushSummary> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Ends the flush under way after its batches in flight, so that another worker can take over the list. */
  pass(): void {
    this.#pass.abort()
  }

  /** Lets the batches in flight end, and the flush with them; the rest stays pending. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
    if (!this.#isShared) this.#destination.close()
  }

  async #run(): Promise<FlushSummary> {
    const { worker } = this.#settings
    this.#pass = new AbortController()
    const signal = AbortSignal.any([this.#stop.signal, this.#pass.signal])
    const flush = new Flush(
      this.#list,
      this.#deliverer,
      this.#destination.health,
      worker,
      this.#logger,
      signal,
      this.#metrics,
      this.#onStep,
    )
    const summary = await flush.run(this.#owner)
    this.#metrics.flushed(summary.outcome, summary.ms)
    this.#say(summary)
    if (isOnRecord(summary)) {
      await saveLastFlush(this.#redis, this.#keys, summary).catch((err: unknown) =>
        this.#logger.warn({ err }, 'the summary of the flush could not be saved'),
      )
    }
    return summary
  }

  #say({ error, ...summary }: FlushSummary): void {
    const list = this.#settings.shards > 1 ? { list: this.#keys.tag } : {}
    if (error === undefined) this.#logger.info({ ...summary, ...list }, 'flush')
    else this.#logger.error({ ...summary, ...list, code: error.code }, `flush: ${error.message}`)
  }
}

/** A flush that was not tried, or whose lease another worker has by now, must not hide how the last one ended. */
function isOnRecord({ outcome, error }: FlushSummary): boolean {
  return outcome !== 'busy' && outcome !== 'waiting' && error?.code !== 'AUDIT_LEASE_LOST'
}

/** Says, wherever a lease is shown, which process holds it. */
export function newOwner(): string {
  return `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`
}
