import { CloudWatchLogsClient, type InputLogEvent, PutLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'
import type { Redis } from 'ioredis'
import { loadWorkerSettings, type WorkerSettings } from '../config/settings'
import { queueKeys } from '../src/queue/keys'
import { cutBatch } from '../worker/batch'
import { Flusher } from '../worker/flusher'
import { PUT_LIMITS } from '../worker/limits'
import { fillList } from './support/backlog'
import { benchOptions } from './support/options'
import { print, rowOf } from './support/report'
import { interleave } from './support/rounds'
import { benchRedis, startSink } from './support/services'

const SILENT = { debug() {}, info() {}, warn: console.error, error: console.error }

/** How many events a second go from the pending list to CloudWatch, against the bare SDK sending the same batches. */
async function main(): Promise<void> {
  const options = benchOptions({ rounds: 15 })
  const count = options.quick ? 5_000 : 100_000
  const [{ server, redis, close }, sink] = await Promise.all([benchRedis(), startSink()])
  const settings = loadWorkerSettings(
    {
      redis: server.url,
      endpoint: sink.url,
      region: 'eu-central-1',
      credentials: { accessKeyId: 'AKIAINVENTED', secretAccessKey: 'invented' },
      groupName: 'audit',
      streamName: 'shop',
      logger: SILENT,
    },
    {},
  )
  const { pending } = queueKeys(settings.prefix)
  const backlog = `${pending}:copy`
  await fillList(redis, backlog, count)
  const batches = await readBatches(redis, backlog)
  const client = bareClient(settings)
  const flusher = new Flusher(redis, settings, SILENT)
  const { inFlight } = settings.worker
  const counted = async (name: string, work: () => Promise<void>) => {
    const before = await sink.events()
    await work()
    const arrived = (await sink.events()) - before
    if (arrived !== count) throw new Error(`${name}: ${arrived} of ${count} events arrived`)
    return count
  }
  const rates = await interleave(
    [
      {
        name: 'floor: the bare SDK',
        run: () => counted('floor', () => sendAll(client, settings, batches)),
      },
      {
        name: 'flush',
        prepare: async () => void (await redis.copy(backlog, pending, 'REPLACE')),
        run: () =>
          counted('flush', async () => {
            const summary = await flusher.flush()
            if (summary.stored !== count) throw new Error(`flush: ${JSON.stringify(summary)}`)
          }),
      },
    ],
    options.rounds,
  )
  const [floor] = rates
  if (!floor) throw new Error('there is no floor')
  print(
    {
      bench: 'flush',
      what: `${count} events in ${batches.length} batches to an endpoint that only counts, ${inFlight} in flight; ${options.rounds} rounds, medians.`,
      unit: 'events/s',
      against: 'the floor',
      rows: rates.map((rate) => rowOf(rate, floor, rate === floor ? undefined : '≥ 0.6')),
      quick: options.quick,
    },
    options.json,
  )
  client.destroy()
  await flusher.close()
  await Promise.all([close(), sink.close()])
}

/** The batches that the flush will send, sorted and ready for the SDK. */
async function readBatches(redis: Redis, list: string): Promise<InputLogEvent[][]> {
  const lines = await redis.lrange(list, 0, -1)
  const batches: InputLogEvent[][] = []
  for (let i = 0; i < lines.length; ) {
    const { n, entries } = cutBatch(lines.slice(i, i + PUT_LIMITS.events))
    batches.push(entries.map(({ timestamp, line }) => ({ timestamp, message: line })))
    i += n
  }
  return batches
}

function bareClient({ region, endpoint }: WorkerSettings): CloudWatchLogsClient {
  if (region === undefined || endpoint === undefined) throw new Error('the benchmark sets both')
  const credentials = { accessKeyId: 'AKIAINVENTED', secretAccessKey: 'invented' }
  return new CloudWatchLogsClient({ region, endpoint, credentials, maxAttempts: 1 })
}

/** Nothing but the calls, as many at once as the flush makes. */
async function sendAll(
  client: CloudWatchLogsClient,
  { groupName, streamName, worker }: WorkerSettings,
  batches: readonly InputLogEvent[][],
): Promise<void> {
  let next = 0
  const sender = async () => {
    for (;;) {
      const logEvents = batches[next]
      next += 1
      if (logEvents === undefined) return
      await client.send(new PutLogEventsCommand({ logGroupName: groupName, logStreamName: streamName, logEvents }))
    }
  }
  await Promise.all(Array.from({ length: worker.inFlight }, sender))
}

void main()
