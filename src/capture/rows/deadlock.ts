/** How often a write is made that others stood in the way of. */
const ATTEMPTS = 5

/**
 * Makes a write again that was chosen as the victim of a deadlock. Only of one that stands in a transaction of its own:
 * the database has undone it whole, and nobody but capture knows that there was one. As several statements it is more
 * often a victim than the one that it was.
 */
export async function despiteDeadlocks<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run()
    } catch (error) {
      if (attempt === ATTEMPTS || !isDeadlock(error)) throw error
    }
  }
}

function isDeadlock(error: unknown): boolean {
  const { errno, code } = (error ?? {}) as { errno?: unknown; code?: unknown }
  // With MariaDB's snapshot isolation, of a row that was changed since the transaction began.
  return errno === 1213 || errno === 1020 || code === '40P01'
}
