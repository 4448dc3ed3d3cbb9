import { readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'
import { queueKeys } from '../src/queue/keys'
import { waitFor } from '../test/support/wait-for'
import { fillList } from './support/backlog'
import { benchOptions } from './support/options'
import { print, type Row } from './support/report'
import { spread } from './support/rounds'
import { benchRedis, type Sink, spawnBuilt, startSink } from './support/services'

const MB = 1024 * 1024
const MOST_MB = 150

/** One run: bytes before and at most, and how long it took. */
interface Drained {
  readonly idle: number
  readonly peak: number
  readonly seconds: number
}

/** How much memory a real worker process takes while it drains a backlog. */
async function main(): Promise<void> {
  const options = benchOptions({ rounds: 3 })
  const backlogs = options.quick ? [2_000] : [200_000, 1_000_000]
  const [{ server, redis, close }, sink] = await Promise.all([benchRedis(), startSink()])
  const rows: Row[] = []
  for (const count of backlogs) {
    const runs: Drained[] = []
    for (let round = 0; round < options.rounds; round += 1) runs.push(await drain(redis, server.url, sink, count))
    const backlog = count.toLocaleString('en')
    const median = (field: keyof Drained) => spread(runs.map((run) => run[field])).median
    const seconds = median('seconds').toFixed(1)
    rows.push({ name: `${backlog} pending: before`, value: median('idle') / MB })
    rows.push({
      name: `${backlog} pending: peak, drained in ${seconds} s`,
      value: median('peak') / MB,
      ratio: spread(runs.map(({ peak }) => peak / MB / MOST_MB)),
      aim: '< 1',
    })
  }
  const what = `Resident memory of \`audit-logger worker\` (the kernel's high-water mark); ${options.rounds} runs, medians.`
  print({ bench: 'memory', what, unit: 'MB', against: `${MOST_MB} MB`, rows, quick: options.quick }, options.json)
  await Promise.all([close(), sink.close()])
}

async function drain(redis: Redis, url: string, sink: Sink, count: number): Promise<Drained> {
  const { pending, stats } = queueKeys('audit-logger')
  await redis.flushall()
  const worker = spawnBuilt('cli/main.js', ['worker', '--json'], {
    AUDIT_LOGGER_REDIS_URL: url,
    AUDIT_LOGGER_ENDPOINT: sink.url,
    AUDIT_LOGGER_REGION: 'eu-central-1',
    AUDIT_LOGGER_KEY_ID: 'AKIAINVENTED',
    AUDIT_LOGGER_SECRET_ACCESS_KEY: 'invented',
    AUDIT_LOGGER_GROUP_NAME: 'audit',
    AUDIT_LOGGER_STREAM_NAME: 'shop',
    // Short, so that the flush after the backlog was put there comes at once.
    LOG_INTERVAL: '0.02',
  })
  try {
    await waitFor(() => redis.hget(stats, 'lastFlush'), { what: 'the first flush' })
    const idle = memoryOf(worker.pid, 'VmRSS')
    const full = `${pending}:filling`
    await fillList(redis, full, count)
    const before = await sink.events()
    const started = performance.now()
    await redis.rename(full, pending)
    await waitFor(async () => (await redis.llen(pending)) === 0, { what: 'an empty list', timeoutMs: 300_000 })
    const seconds = (performance.now() - started) / 1000
    const arrived = (await sink.events()) - before
    if (arrived !== count) throw new Error(`${arrived} of ${count} events arrived`)
    return { idle, peak: memoryOf(worker.pid, 'VmHWM'), seconds }
  } finally {
    await worker.kill('SIGTERM')
  }
}

function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024
}

void main()
