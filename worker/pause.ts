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

/** Full-jitter exponential backoff: many workers that were throttled together do not come back together. */
export function backoffMs(attempt: number): number {
  return Math.random() * Math.min(10_000, 200 * 2 ** Math.min(attempt, 10))
}
