import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { loadSettings } from '../../config/settings'
import { AuditLogger } from '../../src/audit-logger'
import { queueKeys } from '../../src/queue/keys'
import { createQueue } from '../../src/queue/producer'
import { readStatus } from '../../worker/status'
import { startCloudWatch } from '../cloudwatch'
import { startRedis } from '../redis'
import type { Cleanup } from './cleanup'
import type { Expected } from './expected'
import type { DemoOptions } from './options'
import { RecordingQueue } from './recording-queue'
import { spoil } from './sabotage'
import { openDatabase, openShop, type Shop } from './shop/shop'
import type { Progress } from './show/progress'
import { EVENING, MORNING, type Step } from './story'
import { judge, type Verdict } from './verdict'
import { startWorkerProcess, type WorkerProcess } from './worker-process'

/** Before anything happens in the shop: capture says of itself that it has begun. */
const STARTED: Expected = { action: 'AUDIT_STARTED', who: 'system' }
const GROUP = '/shop/audit'
const STREAM = 'demo'
/** Minutes: a flush every 1.2 seconds, so that the demo shows the schedule and is over soon. */
const LOG_INTERVAL = 0.02
/** Longer than any flush takes here, and short enough that the demo ends within a minute, right or wrong. */
const ARRIVAL_MS = 30_000

export interface DemoResult {
  readonly verdict: Verdict
  /** The stored messages, in the order of the stream. */
  readonly lines: readonly string[]
  readonly absent: readonly { readonly what: string; readonly found: boolean }[]
  readonly group: string
  readonly stream: string
}

/** Plays the whole way of an event on stand-ins. What it starts it leaves to `cleanup`, also when it throws. */
export async function runDemo(
  { redis: kind, sabotage }: DemoOptions,
  progress: Progress,
  cleanup: Cleanup,
  signal: AbortSignal,
): Promise<DemoResult> {
  const cloudWatch = await startCloudWatch()
  cleanup.add(() => cloudWatch.close())
  const local = await startRedis(kind && { prefer: kind })
  cleanup.add(() => local.close())
  progress.step(`a CloudWatch Logs endpoint at ${cloudWatch.url}, and ${local.kind} at ${local.url}`)

  const options = {
    redis: local.url,
    userOrganisationField: ['profile', 'organisation'],
    exclude: ['Session'],
    // Said here although they are the defaults, so that no variable of whoever runs the demo decides what it shows.
    ...({ models: 'decorated', prefix: 'audit-logger', enabled: true, lifecycleEvents: true } as const),
  }
  const settings = loadSettings(options)
  const keys = queueKeys(settings.prefix)
  const queue = new RecordingQueue(createQueue(settings))
  const dataSource = await openDatabase()
  cleanup.add(() => dataSource.destroy())
  const audit = new AuditLogger(options, { queue }).attach(dataSource)
  cleanup.add(() => audit.close())
  const redis = new Redis(local.url)
  cleanup.add(() => redis.disconnect())
  const shop = await openShop(dataSource, audit)
  progress.step('a shop on sql.js, with two organisations and a user in each')

  await play(MORNING, shop, progress, signal)
  await audit.flush()
  progress.step(`${(await readStatus(redis, keys)).pending} events wait on the pending list`)
  if (sabotage !== undefined) {
    await spoil(redis, keys, sabotage)
    progress.step(`SABOTAGE: an event was ${sabotage === 'lose' ? 'taken off' : 'put on'} the pending list`)
  }

  const worker = startWorkerProcess(
    {
      AUDIT_LOGGER_REDIS_URL: local.url,
      AUDIT_LOGGER_PREFIX: settings.prefix,
      AUDIT_LOGGER_ENDPOINT: cloudWatch.url,
      AUDIT_LOGGER_REGION: 'eu-central-1',
      AUDIT_LOGGER_KEY_ID: 'AKIADEMO',
      AUDIT_LOGGER_SECRET_ACCESS_KEY: 'invented',
      AUDIT_LOGGER_GROUP_NAME: GROUP,
      AUDIT_LOGGER_STREAM_NAME: STREAM,
      LOG_INTERVAL: String(LOG_INTERVAL),
      // Those of the worker come from another process, which this one cannot compare with anything.
      AUDIT_LOGGER_LIFECYCLE_EVENTS: 'false',
    },
    (stored, batches) =>
      progress.step(`the worker has stored ${stored} events in ${batches} ${batches === 1 ? 'batch' : 'batches'}`),
  )
  cleanup.add(() => worker.stop())
  progress.step(`a worker process (pid ${worker.pid}), flushing every ${LOG_INTERVAL * 60} seconds`)

  const nothingPending = async () => {
    const { pending, deferred } = await readStatus(redis, keys)
    return pending + deferred === 0
  }
  await arrival(nothingPending, worker, signal)
  await play(EVENING, shop, progress, signal)
  await audit.flush()
  await arrival(nothingPending, worker, signal)

  const lines = cloudWatch.events(GROUP, STREAM).map(({ message }) => message)
  const steps = [...MORNING, ...EVENING]
  const absent = steps.flatMap(({ absent }) => (absent === undefined ? [] : [absent]))
  const verdict = judge({
    expected: [STARTED, ...steps.flatMap(({ expects }) => expects)],
    accepted: queue.accepted,
    stored: lines,
    absent: absent.map(({ trace }) => trace),
  })
  return {
    verdict,
    lines,
    absent: absent.map(({ what, trace }) => ({ what, found: lines.some((line) => line.includes(trace)) })),
    group: GROUP,
    stream: STREAM,
  }
}

async function play(steps: readonly Step[], shop: Shop, progress: Progress, signal: AbortSignal): Promise<void> {
  for (const step of steps) {
    signal.throwIfAborted()
    progress.step(`  ${step.title}`)
    await step.run(shop)
  }
}

/** Waits until the pending list is empty. If it never is, the verdict says what is missing. */
async function arrival(done: () => Promise<boolean>, worker: WorkerProcess, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + ARRIVAL_MS
  while (performance.now() < deadline && !(await done())) {
    await Promise.race([delay(50, undefined, { signal }), worker.failed])
  }
}
