import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisServer, startRedisServer } from '../support/redis-server'
import { planOf } from './driver/plan'
import { type RunReport, run } from './driver/run'

const RUNS = Number(process.env.FAULT_RUNS ?? 200)
/**
 * Each run has the seed after the one before, so that FAULT_SEED=<its seed> FAULT_RUNS=1 repeats one of them. CI repeats
 * the same runs, so that what fails there is what the change broke; new seeds are for developers and the soak.
 */
const SEED = Number(process.env.FAULT_SEED ?? (process.env.CI ? 20_261_120 : Date.now() % 1_000_000_000))
const HOW = `repeat with FAULT_SEED=${SEED}${RUNS === 200 ? '' : ` FAULT_RUNS=${RUNS}`}`

let server: RedisServer
let redis: Redis
const reports: RunReport[] = []

beforeAll(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url)
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
  const sum = (field: 'accepted' | 'duplicates' | 'samples' | 'crashes' | 'cutOffs' | 'lostReplies' | 'faultyCalls') =>
    reports.reduce((total, report) => total + report[field], 0)
  console.log(
    `${reports.length} runs from seed ${SEED}: ${sum('accepted')} events, ${sum('faultyCalls')} faulty calls, ` +
      `${sum('crashes')} crashes, ${sum('cutOffs')} workers cut off, ${sum('lostReplies')} lost replies, ` +
      `books read ${sum('samples')} times, ${sum('duplicates')} documented duplicates`,
  )
})

describe.concurrent(`${RUNS} mixes of faults (${HOW})`, () => {
  it.each(Array.from({ length: RUNS }, (_, i) => SEED + i))(
    'seed %d: every accepted event is in one place',
    async (seed) => {
      const plan = planOf(seed)
      const report = await run(plan, { redis, redisPort: server.port })
      reports.push(report)
      const { pushes: _, ...rest } = plan
      const what = JSON.stringify({ ...rest, ...report }, null, 1)
      expect(report.wrong, what).toEqual([])
      expect(report.broken, what).toEqual([])
      expect(report.deferred).toBe(0)
    },
  )
})
