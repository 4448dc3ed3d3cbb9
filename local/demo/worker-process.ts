import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { devNull } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

const STOP_MS = 10_000
const KEPT_LINES = 20

export interface WorkerProcess {
  readonly pid: number | undefined
  /** Rejects when the worker ends by itself, with the last of what it said. Never resolves. */
  readonly failed: Promise<never>
  /** SIGTERM, and SIGKILL if that does not end it. Safe to call twice. */
  stop(): Promise<void>
}

/** `audit-logger worker` as a real process with only the given environment, so that nobody's own AWS settings are used. */
export function startWorkerProcess(
  variables: Readonly<Record<string, string>>,
  onFlush: (stored: number, batches: number) => void,
): WorkerProcess {
  const dist = join(__dirname, '..', '..')
  const child = fork(join(dist, 'cli', 'main.js'), ['worker'], {
    execArgv: ['--require', join(__dirname, 'die-with-parent.js')],
    env: { ...variables, AWS_CONFIG_FILE: devNull, AWS_SHARED_CREDENTIALS_FILE: devNull },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const said: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream as Readable }).on('line', (line) => {
      said.push(line)
      if (said.length > KEPT_LINES) said.shift()
      const flush = flushIn(line)
      if (flush !== undefined && flush.stored > 0) onFlush(flush.stored, flush.batches)
    })
  }
  let stopping: Promise<void> | undefined
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (stopping === undefined) reject(new Error(`The worker ended with ${signal ?? code}:\n${said.join('\n')}`))
    })
  })
  // Heard by whoever waits for it; nobody may be waiting just then.
  failed.catch(() => undefined)
  const stop = () => {
    stopping ??= end(child)
    return stopping
  }
  return { pid: child.pid, failed, stop }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await exited
  clearTimeout(timer)
}

/** The worker's summary line of a flush. */
function flushIn(line: string): { stored: number; batches: number } | undefined {
  try {
    const { msg, stored, batches } = JSON.parse(line) as Record<string, unknown>
    return msg === 'flush' ? { stored: Number(stored), batches: Number(batches) } : undefined
  } catch {
    return undefined
  }
}
