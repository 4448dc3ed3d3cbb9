import { Queue, Worker } from 'bullmq'
import type { Logger } from '../config/logger'
import type { WorkerSettings } from '../config/settings'
import type { RedisClient } from '../src/queue/connection'
import { queueKeys } from '../src/queue/keys'

const QUEUE = 'flush'
/** One schedule however many workers: BullMQ keeps one job scheduler per id. */
const SCHEDULER = 'flush'
/** A killed worker's job is found by another one within these 15 s or, at the latest, at the next interval. */
const LOCK_MS = 15_000

/** The BullMQ schedule that starts a flush every `LOG_INTERVAL` minutes, in whichever worker is free. */
export class Schedule {
  readonly #queue: Queue
  readonly #worker: Worker
  readonly #everyMs: number
  readonly #logger: Logger
  #saidAt = Number.NEGATIVE_INFINITY

  /** @param flush what the scheduled job does */
  constructor(redis: RedisClient, settings: WorkerSettings, logger: Logger, flush: () => Promise<unknown>) {
    const prefix = queueKeys(settings.prefix).tag
    this.#logger = logger
    this.#everyMs = Math.max(1, Math.round(settings.logInterval * 60_000))
    this.#queue = new Queue(QUEUE, { connection: redis, prefix })
    this.#worker = new Worker(QUEUE, flush, {
      connection: redis,
      prefix,
      autorun: false,
      concurrency: 1,
      lockDuration: LOCK_MS,
      stalledInterval: LOCK_MS,
      maxStalledCount: Number.MAX_SAFE_INTEGER, // A flush cut short by a crash is simply begun again.
    })
    this.#queue.on('error', (err) => this.#report(err))
    this.#worker.on('error', (err) => this.#report(err))
    // A Redis that came back empty has no schedule any more, and nothing else would notice.
    redis.on('ready', () => void this.#upsert().catch((err: unknown) => this.#report(err)))
  }

  async start(): Promise<void> {
    await this.#upsert()
    // It ends with close(); an error of its own reaches the error handler above.
    this.#worker.run().catch((err: unknown) => this.#report(err))
  }

  async close(): Promise<void> {
    await this.#worker.close()
    await this.#queue.close()
  }

  /** The same interval again changes nothing; the first upsert flushes at once. */
  async #upsert(): Promise<void> {
    const keep = { removeOnComplete: { count: 10 }, removeOnFail: { count: 10 } }
    await this.#queue.upsertJobScheduler(SCHEDULER, { every: this.#everyMs }, { name: QUEUE, opts: keep })
  }

  /** BullMQ raises several errors a second while Redis is gone: one line per half minute says as much. */
  #report(err: unknown): void {
    if (performance.now() - this.#saidAt < 30_000) return
    this.#saidAt = performance.now()
    const cause = err instanceof Error ? err.message : String(err)
    this.#logger.warn({ cause }, 'the schedule reports an error')
  }
}
