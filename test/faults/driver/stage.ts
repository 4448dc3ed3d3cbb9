import { Redis } from 'ioredis'
import { loadWorkerSettings, type WorkerSettings } from '../../../config/settings'
import { type CloudWatchOptions, type LocalCloudWatch, startCloudWatch } from '../../../local/cloudwatch'
import { type QueueKeys, queueKeys } from '../../../src/queue/keys'
import { Flusher } from '../../../worker/flusher'
import { NO_METRICS } from '../../../worker/metrics'
import type { OnStep } from '../../../worker/step'
import { eventLine } from '../../support/events'
import { keptLogger } from '../../support/kept-logger'
import { waitFor } from '../../support/wait-for'
import { Books } from './books'

export const GROUP = 'audit'
export const STREAM = 'shop'
const DAY_MS = 24 * 60 * 60 * 1000

/** Short enough for a test, and long enough that a busy machine does not make a worker lose its lease by itself. */
export const TUNING = { leaseMs: 1_500, requestTimeoutMs: 1_000, patienceMs: 20_000, reconcileWaitsMs: [20, 150] }

/** One pending list and one log stream of a case's own, with the books of both. */
export class Stage {
  readonly redis: Redis
  readonly endpoint: LocalCloudWatch
  readonly settings: WorkerSettings
  readonly keys: QueueKeys
  readonly books: Books
  readonly #flushers: Flusher[] = []

  private constructor(redisUrl: string, endpoint: LocalCloudWatch, prefix: string) {
    this.redis = new Redis(redisUrl, { maxRetriesPerRequest: null })
    this.redis.on('error', () => undefined)
    this.endpoint = endpoint
    this.settings = loadWorkerSettings(
      {
        redis: redisUrl,
        prefix,
        endpoint: endpoint.url,
        region: 'eu-central-1',
        credentials: { accessKeyId: 'AKIALOCAL', secretAccessKey: 'local-secret' },
        groupName: GROUP,
        streamName: STREAM,
        logger: keptLogger(),
        worker: TUNING,
      },
      {},
    )
    this.keys = queueKeys(prefix)
    this.books = new Books(this.redis, this.keys, endpoint, [GROUP, STREAM])
  }

  static async open(redisUrl: string, prefix: string, options: CloudWatchOptions = {}): Promise<Stage> {
    const endpoint = await startCloudWatch(options)
    endpoint.ensure(GROUP, STREAM)
    return new Stage(redisUrl, endpoint, prefix)
  }

  /** What makes a worker meet every step: several batches, an event too old for its time, an element that is none. */
  elements(): string[] {
    const ago = (ms: number) => eventLine({ date: new Date(Date.now() - ms), content: { text: 'Grüße 😀' } })
    const days = [3, 2, 1, 0].flatMap((day) => Array.from({ length: 5 }, (_, i) => ago(day * DAY_MS + 60_000 - i)))
    return [ago(16 * DAY_MS), ...days, 'no event at all']
  }

  flusher(onStep?: OnStep, tuning: Partial<WorkerSettings['worker']> = {}): Flusher {
    const settings = { ...this.settings, worker: { ...this.settings.worker, ...tuning } }
    const flusher = new Flusher(this.redis, settings, keptLogger(), NO_METRICS, onStep)
    this.#flushers.push(flusher)
    return flusher
  }

  /** In good weather too the breaker would stay open for up to a minute, which is right and takes too long. */
  async closeBreaker(): Promise<void> {
    await this.redis.hdel(this.keys.lease, 'breaker', 'failures', 'openUntil')
  }

  /** Flushes until nothing is pending, as the schedule of a worker does; the books must be right all the while. */
  async drain(flusher: Flusher, timeoutMs = 60_000): Promise<void> {
    const drained = async () => {
      if ((await this.books.sample()).pending === 0) return true
      if ((await flusher.flush()).outcome === 'waiting') await this.closeBreaker()
      return (await this.books.sample()).pending === 0
    }
    await waitFor(drained, { what: 'an empty list', timeoutMs })
  }

  async close(): Promise<void> {
    await Promise.all(this.#flushers.map((flusher) => flusher.close()))
    this.redis.disconnect()
    await this.endpoint.close()
  }
}
