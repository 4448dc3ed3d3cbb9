import type { EventLogger } from './event-logger'

/** Told of each logger that is about to close, while it still takes events: who has counted something tells it then. */
export const closing = new Set<(logger: EventLogger) => void>()

/** Tells all of them. Each is asked to throw nothing; one that does must not keep the logger from closing. */
export function announceClosing(logger: EventLogger, fail: (error: unknown) => void): void {
  for (const tell of [...closing]) {
    try {
      tell(logger)
    } catch (error) {
      fail(error)
    }
  }
}
