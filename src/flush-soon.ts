/** As long as `close()` waits. */
const FLUSH_MS = 5_000

/**
 * Flushes, but does not wait longer than a healthy Redis takes: something is about to end, or to go on, and must, however
 * Redis fares. False when it did not end in time.
 */
export async function flushSoon(logger: { flush(): Promise<void> }): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), FLUSH_MS)
  })
  return Promise.race([logger.flush().then(() => true), late]).finally(() => clearTimeout(timer))
}
