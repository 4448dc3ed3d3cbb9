import type { Redis } from 'ioredis'
import { sampleEvent } from './sample'

const PER_PUSH = 1_000

/** Fills a list with events as producers leave it: in the order of capture, a few of them a millisecond. */
export async function fillList(redis: Redis, key: string, count: number): Promise<void> {
  const started = Date.now() - count / 10
  for (let i = 0; i < count; i += PER_PUSH) {
    const lines = Array.from({ length: Math.min(PER_PUSH, count - i) }, (_, k) =>
      JSON.stringify(sampleEvent(i + k, Math.round(started + (i + k) / 10))),
    )
    await redis.rpush(key, ...lines)
  }
}
