import { setTimeout as delay } from 'node:timers/promises'

type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>

export interface WaitOptions {
  /** What is waited for, as it should read in "gave up waiting for …". */
  what: string
  /** The bound, in milliseconds; 10 s unless given. */
  timeoutMs?: number
  /** How often to look, in milliseconds; 20 unless given. */
  intervalMs?: number
}

/**
 * Resolves with the condition's first truthy result. A condition that throws counts as not yet true; its last error is
 * the cause of the one thrown when the bound is reached, so that a failing test says why and not only when.
 *
 * @example
 * await waitFor(async () => (await redis.llen(key)) === 3, { what: 'three events on the pending list' })
 */
export async function waitFor<T>(condition: () => T | Promise<T>, options: WaitOptions): Promise<Truthy<T>> {
  const { what, timeoutMs = 10_000, intervalMs = 20 } = options
  const deadline = performance.now() + timeoutMs
  let cause: unknown
  let last: unknown
  for (;;) {
    try {
      last = await condition()
      if (last) return last as Truthy<T>
      cause = undefined
    } catch (error) {
      cause = error
    }
    if (performance.now() >= deadline) {
      const seen = cause instanceof Error ? cause.message : `the last look gave ${String(last)}`
      throw new Error(`Gave up waiting for ${what} after ${timeoutMs} ms: ${seen}`, { cause })
    }
    await delay(intervalMs)
  }
}
