import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'

/**
 * Waits at the end of a pipe that only the test process holds. A line on it means that all went well; its end means
 * that the test process died, even by SIGKILL, where no exit handler of ours could have run.
 */
export const GUARD_SCRIPT = `
read -r _ && exit 0
kill -s "$2" "$1" 2>/dev/null
tries=0
while kill -0 "$1" 2>/dev/null && [ "$tries" -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
kill -s KILL "$1" 2>/dev/null
[ -z "$3" ] || rm -rf "$3"
`

export interface GuardOptions {
  /** The signal that ends the process without leaving anything behind; SIGKILL follows after 5 s. */
  signal?: NodeJS.Signals
  /** A directory to remove afterwards. */
  directory?: string | undefined
}

/** Makes sure that the process does not outlive this one. Returns the function to call once it has been stopped. */
export function guard(pid: number, { signal = 'SIGKILL', directory }: GuardOptions = {}): () => void {
  const watcher: ChildProcess = spawn(
    'sh',
    ['-c', GUARD_SCRIPT, 'guard', String(pid), signal.replace('SIG', ''), directory ?? ''],
    // A group of its own: Ctrl-C reaches the whole foreground group, and must not take the guard first.
    { stdio: ['pipe', 'ignore', 'ignore'], detached: true },
  )
  watcher.unref()
  const pipe = watcher.stdin as Socket
  pipe.unref()
  pipe.on('error', () => undefined)
  return () => pipe.end('stopped\n')
}
