import { defaultLogger } from '../config/logger'
import { type AuditLoggerOptions, loadWorkerSettings, type WorkerSettings } from '../config/settings'
import { connectRedis, WORKER_CONNECTION } from '../src/queue/connection'
import { queueKeys } from '../src/queue/keys'
import type { FlushSummary } from './flush'
import { Flusher } from './flusher'
import { Heir } from './heir'
import { Schedule } from './schedule'

/** Orchestrators kill a process 30 s after SIGTERM. Without Redis there is nothing that could still be settled. */
const CLOSE_MS = { withRedis: 25_000, without: 2_000 }

export interface AuditWorker {
  readonly settings: WorkerSettings
  /** Flushes now, besides the schedule. */
  flush(): Promise<FlushSummary>
  /** Ends after the batches in flight, within 25 s even when Redis or CloudWatch do not answer. Loses nothing. */
  close(): Promise<void>
}

/**
 * Starts a worker in this process: every `logInterval` minutes, and once at the start, it sends what is on the pending
 * list to CloudWatch Logs. Any number of workers may run; one at a time holds the lease.
 *
 * @param options settings in code; those left out are read from the environment
 * @throws AuditSettingsError naming every setting that is missing or wrong
 *
 * @example
 * const worker = await startWorker({ groupName: 'audit', streamName: 'shop' })
 * process.once('SIGTERM', () => worker.close())
 */
export async function startWorker(options: AuditLoggerOptions = {}): Promise<AuditWorker> {
  const settings = loadWorkerSettings(options)
  const logger = settings.logger ?? defaultLogger('info')
  const keys = queueKeys(settings.prefix)
  const redis = connectRedis(settings, WORKER_CONNECTION, logger)
  const flusher = new Flusher(redis, settings, logger)
  const flush = () => flusher.flush()
  const schedule = new Schedule(redis, settings, logger, flush)
  const heir = new Heir(redis, keys, settings.worker.leaseMs, logger, flush)
  let closing: Promise<void> | undefined

  async function close(): Promise<void> {
    heir.close()
    const ms = redis.status === 'ready' ? CLOSE_MS.withRedis : CLOSE_MS.without
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, ms, 'late')
    })
    // BullMQ waits for Redis as long as it takes, and a call to CloudWatch may hang.
    const ended = Promise.all([flusher.close(), schedule.close()]).then(() => 'ended')
    if ((await Promise.race([ended, deadline])) === 'late') {
      logger.warn({ ms }, 'worker closed before its last flush had ended; the next one goes on there')
    }
    clearTimeout(timer)
    redis.disconnect()
    logger.info({}, 'worker stopped')
  }

  await schedule.start()
  const { groupName, streamName, logInterval } = settings
  logger.info({ groupName, streamName, logInterval }, 'worker started')
  return {
    settings,
    flush,
    close() {
      closing ??= close()
      return closing
    },
  }
}
