type Heard = (error: unknown, origin: string) => void

let heard: Heard | undefined

/**
 * Tells of exceptions that nothing catches and of rejections that nobody handles, just before they end the process. It
 * only listens: the process ends, or its own handlers run, exactly as without. Of several middlewares the newest is
 * told, because an exception is one event.
 */
export function watchProcess(hear: Heard): void {
  if (heard === undefined) process.on('uncaughtExceptionMonitor', (error, origin) => heard?.(error, origin))
  heard = hear
}
