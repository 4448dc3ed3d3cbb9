import { Queue, Worker } from 'bullmq'
import type { Logger } from '../config/logger'
import type { RedisClient } from '../src/queue/connection'

const QUEUE = 'flush'
/** One schedule however many workers: BullMQ keeps one job scheduler per id. */
const SCHEDULER = 'flush'
/** A killed worker's job is found by another one within these 15 s or, at the latest, at the next interval. */
const LOCK_MS = 15_000
/** How often to see whether Redis still has the schedule. */
const HEAL_MS = 60_000

export interface ScheduleOptions {
  readonly redis: RedisClient
  /** Where BullMQ keeps its keys: one hash slot, as Redis Cluster needs it. */
  readonly tag: string
  readonly everyMs: number
  readonly logger: Logger
  /** What the scheduled job does. It only begins a round, so that a slow flush never holds up the next one's start. */
  readonly begin: () => Promise<unknown>
}

/** The BullMQ schedule that begins a round of flushes every `LOG_INTERVAL` minutes, in whichever worker is free. */
export class Schedule {
  readonly #queue: Queue
  readonly #worker: Worker
  readonly #everyMs: number
  readonly #logger: Logger
  #healer: NodeJS.Timeout | undefined
  #healing = false
  #saidAt = Number.NEGATIVE_INFINITY

  constructor({ redis, tag, everyMs, logger, begin }: ScheduleOptions) {
    this.#logger = logger
    this.#everyMs = everyMs
    this.#queue = new Queue(QUEUE, { connection: redis, prefix: tag })
    this.#worker = new Worker(QUEUE, begin, {
      connection: redis,
      prefix: tag,
      autorun: false,
      concurrency: 1,
      lockDuration: LOCK_MS,
      stalledInterval: LOCK_MS,
      maxStalledCount: Number.MAX_SAFE_INTEGER, // A round that was cut short by a crash is simply begun again.
    })
    this.#queue.on('error', (err) => this.#report(err))
    this.#worker.on('error', (err) => this.#report(err))
    // A Redis that came back empty has no schedule any more, and nothing else would notice.
    redis.on('ready', () => void this.#heal())
  }

  async start(): Promise<void> {
    // A Redis that is full refuses it, and only a worker makes room there; it is set up again later.
    await this.restore().catch((err: unknown) => {
      if (!(err instanceof Error && err.message.includes('OOM'))) throw err
      this.#report(err)
    })
    // It ends with close(); an error of its own reaches the error handler above.
    this.#worker.run().catch((err: unknown) => this.#report(err))
    this.#healer = setInterval(() => void this.#heal(), Math.min(HEAL_MS, Math.max(this.#everyMs, 1_000)))
  }

  /** Sets the schedule up. The same interval again changes nothing; the first time begins a round at once. */
  async restore(): Promise<void> {
    const keep = { removeOnComplete: { count: 10 }, removeOnFail: { count: 10 } }
    await this.#queue.upsertJobScheduler(SCHEDULER, { every: this.#everyMs }, { name: QUEUE, opts: keep })
  }

  async close(): Promise<void> {
    clearInterval(this.#healer)
    await this.#worker.close()
    await this.#queue.close()
  }

  /** Only where it is missing: while a new interval is being rolled out, workers that still have the old one must not put it back. */
  async #heal(): Promise<void> {
    if (this.#healing) return
    this.#healing = true
    try {
      if ((await this.#queue.getJobScheduler(SCHEDULER)) === undefined) await this.restore()
    } catch (err) {
      this.#report(err)
    } finally {
      this.#healing = false
    }
  }

  /** BullMQ raises several errors a second while Redis is gone: one line per half minute says as much. */
  #report(err: unknown): void {
    if (performance.now() - this.#saidAt < 30_000) return
    this.#saidAt = performance.now()
    const cause = err instanceof Error ? err.message : String(err)
    this.#logger.warn({ cause }, 'the schedule reports an error')
  }
}
