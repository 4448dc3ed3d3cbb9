import { Redis } from 'ioredis'
import { loadWorkerSettings, type WorkerSettings } from '../../config/settings'
import { type CloudWatchOptions, type LocalCloudWatch, startCloudWatch } from '../../local/cloudwatch'
import { type QueueKeys, queueKeys } from '../../src/queue/keys'
import { Flusher } from '../../worker/flusher'
import type { OnStep } from '../../worker/step'
import { type KeptLogger, keptLogger } from './kept-logger'
import { type RedisServer, startRedisServer } from './redis-server'

export const GROUP = 'audit'
export const STREAM = 'shop'

/** Redis, the local CloudWatch and the settings that point to both, with waits that suit a local endpoint. */
export interface WorkerSetup {
  readonly server: RedisServer
  readonly redis: Redis
  readonly endpoint: LocalCloudWatch
  readonly settings: WorkerSettings
  readonly logger: KeptLogger
  readonly keys: QueueKeys
  flusher(tuning?: Partial<WorkerSettings['worker']>, onStep?: OnStep): Flusher
  /** With other settings than the rest of the setup. */
  flusherFor(settings: Partial<WorkerSettings>): Flusher
  /** The stored messages, in the order in which they arrived. */
  stored(): string[]
  close(): Promise<void>
}

export async function setUpWorker(options: CloudWatchOptions = {}): Promise<WorkerSetup> {
  const [server, endpoint] = await Promise.all([startRedisServer(), startCloudWatch(options)])
  const redis = new Redis(server.url, { maxRetriesPerRequest: null })
  redis.on('error', () => undefined)
  const logger = keptLogger()
  const settings = loadWorkerSettings(
    {
      redis: server.url,
      endpoint: endpoint.url,
      region: 'eu-central-1',
      credentials: { accessKeyId: 'AKIALOCAL', secretAccessKey: 'local-secret' },
      groupName: GROUP,
      streamName: STREAM,
      logger,
      worker: { leaseMs: 2_000, requestTimeoutMs: 1_000, patienceMs: 5_000, reconcileWaitsMs: [0, 50] },
    },
    {},
  )
  const flushers: Flusher[] = []
  return {
    server,
    redis,
    endpoint,
    settings,
    logger,
    keys: queueKeys(settings.prefix),
    flusher(tuning = {}, onStep) {
      const tuned = { ...settings, worker: { ...settings.worker, ...tuning } }
      const flusher = new Flusher(redis, tuned, logger, undefined, onStep)
      flushers.push(flusher)
      return flusher
    },
    flusherFor(other) {
      const flusher = new Flusher(redis, { ...settings, ...other }, logger)
      flushers.push(flusher)
      return flusher
    },
    stored: () => endpoint.events(GROUP, STREAM).map(({ message }) => message),
    async close() {
      await Promise.all(flushers.map((flusher) => flusher.close()))
      redis.disconnect()
      await Promise.all([server.stop(), endpoint.close()])
    },
  }
}
