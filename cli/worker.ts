import { startWorker } from '../worker/worker'

/** Orchestrators kill a process 30 s after SIGTERM; ending before that is this process's own decision. */
const EXIT_MS = 28_000

/** Runs a worker until SIGTERM or SIGINT. */
export async function worker(): Promise<number> {
  const ended = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
  })
  const starting = startWorker()
  const started = await Promise.race([starting, ended])
  // Ended while it was still waiting for Redis: nothing was begun.
  if (started === undefined) process.exit(0)
  await ended
  setTimeout(() => process.exit(1), EXIT_MS).unref()
  await started.close()
  // A call to CloudWatch that hangs would otherwise keep the process.
  process.exit(0)
}
