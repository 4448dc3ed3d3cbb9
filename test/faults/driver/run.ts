import { loadWorkerSettings, type WorkerSettings } from '../../../config/settings'
import { type LocalCloudWatch, startCloudWatch } from '../../../local/cloudwatch'
import { queueKeys } from '../../../src/queue/keys'
import { waitFor } from '../../support/wait-for'
import { Books, type Verdict } from './books'
import { Fleet, LEASE_MS, type Place } from './fleet'
import type { Plan } from './plan'
import { storm } from './weather'

const GROUP = 'audit'
const STREAM = 'shop'
/** After this long the weather gets better, so that every run ends. */
const STORM_MS = 2_000
const HOUR_MS = 60 * 60 * 1000

/** What a run met, for the proof that the faults were there. */
export interface RunReport extends Verdict {
  readonly crashes: number
  readonly cutOffs: number
  readonly lostReplies: number
  readonly faultyCalls: number
  readonly batches: number
  /** Calls that CloudWatch refused though no fault said so and no event was meant to be refused. */
  readonly broken: readonly string[]
}

/** One run: workers flush what is pushed meanwhile, while everything in the plan goes wrong; then the books are read. */
export async function run(plan: Plan, place: Place): Promise<RunReport> {
  let ahead = 0
  const now = () => Date.now() + ahead
  const { visibleAfterMs, emptyPages } = plan
  const endpoint = await startCloudWatch({ now, visibleAfterMs, emptyPages })
  const settings = settingsOf(plan)
  const keys = queueKeys(settings.prefix)
  const books = new Books(place.redis, keys, endpoint, [GROUP, STREAM])
  if (!plan.missing) endpoint.ensure(GROUP, STREAM)
  storm(endpoint, plan)
  const fleet = new Fleet(plan, settings, place, endpoint)
  try {
    await fleet.start()
    const better = setTimeout(() => fleet.calm(), STORM_MS)
    for (const elements of plan.pushes) {
      await books.accept(elements)
      await books.sample()
    }
    const drained = async () => (await books.sample()).pending === 0
    await waitFor(drained, { what: `an empty list (seed ${plan.seed})`, timeoutMs: 100_000, intervalMs: 5 })
    clearTimeout(better)
    fleet.calm()
    // Three hours later, what was too new is not any more.
    ahead = 4 * HOUR_MS
    for (const member of await place.redis.zrange(keys.deferred, 0, -1))
      await place.redis.zadd(keys.deferred, 1, member)
    const settled = async () => {
      const { pending, deferred } = await books.sample()
      return pending === 0 && deferred === 0
    }
    await waitFor(settled, { what: `no deferred event (seed ${plan.seed})`, timeoutMs: 60_000, intervalMs: 5 })
    await fleet.close()
    return { ...(await books.verdict({ mayDouble: plan.readingDenied })), ...fleet.met, ...callsOf(endpoint) }
  } finally {
    await fleet.close()
    await endpoint.close()
    await place.redis.del(...Object.values(keys).slice(1), `${keys.tag}:accepted`)
  }
}

function settingsOf({ seed, inFlight, retentionDays, visibleAfterMs }: Plan): WorkerSettings {
  return loadWorkerSettings(
    {
      prefix: `run-${seed}`,
      region: 'eu-central-1',
      credentials: { accessKeyId: 'AKIALOCAL', secretAccessKey: 'local-secret' },
      groupName: GROUP,
      streamName: STREAM,
      ...(retentionDays !== undefined && { retentionDays }),
      // The last look comes when even the slowest event can be read.
      worker: {
        leaseMs: LEASE_MS,
        requestTimeoutMs: 150,
        patienceMs: 1_500,
        inFlight,
        reconcileWaitsMs: [5, 40 + 2 * visibleAfterMs],
      },
    },
    {},
  )
}

function callsOf({ calls }: LocalCloudWatch) {
  const broken = calls.filter(({ error, fault }) => fault === undefined && error === 'InvalidParameterException')
  return {
    faultyCalls: calls.filter(({ fault }) => fault !== undefined).length,
    batches: calls.filter(({ operation, accepted }) => operation === 'PutLogEvents' && accepted).length,
    broken: broken.map(({ operation, input }) => `${operation} ${JSON.stringify(input)}`),
  }
}
