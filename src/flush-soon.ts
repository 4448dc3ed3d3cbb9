/** As long as `close()` waits. */
const FLUSH_MS = 5_000

/** Flushes, but does not wait longer than a healthy Redis takes: something is about to end, and must, however Redis fares. */
export async function flushSoon(logger: { flush(): Promise<void> }): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, FLUSH_MS)
  })
  await Promise.race([logger.flush(), late]).finally(() => clearTimeout(timer))
}
