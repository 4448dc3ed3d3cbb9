import type { RedisClient } from '../src/queue/connection'
import type { Finding } from './check'

/** CloudWatch takes events up to two hours ahead; a skew of a minute is a clock that nobody keeps. */
const MOST_SKEW_MS = 60_000

/** Tries what the events depend on in Redis: that it answers, evicts nothing, and has the right time. */
export async function checkRedis(redis: RedisClient): Promise<Finding[]> {
  const info = String(await redis.info())
  const [seconds, microseconds] = await redis.time()
  const skewMs = Math.round(Number(seconds) * 1000 + Number(microseconds) / 1000 - Date.now())
  const policy = field(info, 'maxmemory_policy')
  const evicts = field(info, 'maxmemory') !== '0' && policy !== 'noeviction' && policy !== ''
  return [
    { name: 'redis', result: 'ok', detail: `version ${field(info, 'redis_version')}` },
    {
      name: 'redis eviction',
      result: evicts ? 'failed' : 'ok',
      detail: evicts ? `maxmemory-policy is ${policy}: Redis may delete events; set noeviction` : 'nothing is evicted',
    },
    {
      name: 'clock',
      result: Math.abs(skewMs) > MOST_SKEW_MS ? 'failed' : 'ok',
      detail: `Redis is ${skewMs} ms ahead of this machine`,
    },
  ]
}

function field(info: string, name: string): string {
  return new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim() ?? ''
}
