import { defaultLogger } from '../config/logger'
import { type AuditLoggerOptions, loadWorkerSettings, type WorkerSettings } from '../config/settings'
import { connectRedis, WORKER_CONNECTION } from '../src/queue/connection'
import { fleetKeys } from '../src/queue/keys'
import { Fleet } from './fleet'
import type { FlushSummary } from './flush'
import { Flushers } from './flushers'
import { Lifecycle } from './lifecycle'
import { Monitoring } from './monitoring'
import { Schedule } from './schedule'
import { Shifts } from './shifts'
import { Watchdog } from './watchdog'

/** Orchestrators kill a process 30 s after SIGTERM. Without Redis there is nothing that could still be settled. */
const CLOSE_MS = { withRedis: 25_000, without: 2_000 }
/** How often a worker looks at the lists: seldom enough to cost nothing, often enough that a burst does not wait. */
const LOOK_MS = { least: 50, most: 1_000 }

export interface AuditWorker {
  readonly settings: WorkerSettings
  /** Flushes every list now, besides the schedule. */
  flush(): Promise<FlushSummary>
  /** Ends after the batches in flight, within 25 s even when Redis or CloudWatch do not answer. Loses nothing. */
  close(): Promise<void>
}

/**
 * Starts a worker in this process: every `logInterval` minutes, once at the start, and whenever `flushThreshold` events
 * wait, it sends what is on the pending lists to CloudWatch Logs. Any number of workers may run; they share the lists,
 * and of each list one at a time holds the lease.
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
  const { leaseMs } = settings.worker
  const everyMs = Math.max(1, Math.round(settings.logInterval * 60_000))
  const lookMs = Math.min(LOOK_MS.most, Math.max(LOOK_MS.least, Math.round(leaseMs / 3)))
  const keys = fleetKeys(settings.prefix)
  const redis = connectRedis(settings, WORKER_CONNECTION, logger)
  const monitoring = new Monitoring(redis, settings, logger)
  const lifecycle = new Lifecycle(redis, settings, logger)
  const flushers = new Flushers(redis, settings, logger, monitoring.metrics)
  const fleet = new Fleet(redis, keys, flushers.owner, Math.max(leaseMs, 3 * lookMs))
  const watchdog = new Watchdog(everyMs, logger)
  const begin = () => fleet.begin().then(() => shifts.look())
  // The round begins all the same.
  const sayLate = (err: unknown) => logger.warn({ err }, 'the schedule could not be set up again')
  const schedule = new Schedule({ redis, tag: keys.tag, everyMs, logger, begin })
  const shifts = new Shifts({
    redis,
    settings,
    logger,
    flushers,
    fleet,
    watchdog,
    late: () => schedule.restore().catch(sayLate),
  })
  let closing: Promise<void> | undefined

  async function close(): Promise<void> {
    await monitoring.close()
    const idle = shifts.close()
    const ms = redis.status === 'ready' ? CLOSE_MS.withRedis : CLOSE_MS.without
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, ms, 'late')
    })
    // BullMQ waits for Redis as long as it takes, and a call to CloudWatch may hang.
    const left = fleet.leave().catch((err: unknown) => logger.debug({ err }, 'the other workers were not told'))
    const ended = Promise.all([left, idle, flushers.close(), schedule.close(), lifecycle.stopped()]).then(() => 'ended')
    if ((await Promise.race([ended, deadline])) === 'late') {
      logger.warn({ ms }, 'worker closed before its last flush had ended; the next one goes on there')
    }
    clearTimeout(timer)
    redis.disconnect()
    logger.info({}, 'worker stopped')
  }

  await monitoring.start()
  lifecycle.started()
  await schedule.start()
  shifts.start(lookMs)
  const { groupName, streamName, logInterval, shards } = settings
  logger.info({ groupName, streamName, logInterval, shards }, 'worker started')
  return {
    settings,
    flush: () => flushers.flushAll(),
    close() {
      closing ??= close()
      return closing
    },
  }
}
