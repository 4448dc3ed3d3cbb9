import { setTimeout as delay } from 'node:timers/promises'

/** Waits; false when the signal ended the wait early. */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false
  try {
    await delay(ms, undefined, { signal })
    return true
  } catch {
    return false
  }
}

/**
 * Full-jitter exponential backoff: many workers that were throttled together do not come back together.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoffMs(attempt: number, mostMs = 10_000): number {
  return Math.random() * Math.min(mostMs, 200 * 2 ** Math.min(attempt, 10))
}
