import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LocalRedis } from './local-redis'
import { HOST, onRandomPort, PortTaken } from './port'

const START_MS = 10_000
const STOP_MS = 3_000
const MAX_OUTPUT = 4_096

/** `redis-server` from the PATH, as a child process in a temporary directory. */
export function startRedisBinary(): Promise<LocalRedis> {
  return onRandomPort(async (port) => {
    const directory = mkdtempSync(join(tmpdir(), 'audit-logger-local-redis-'))
    const child = spawnRedis(port, directory)
    // Without this, a script that ends by an exception would leave its Redis behind.
    const killAtExit = () => end(child, directory)
    process.once('exit', killAtExit)
    let closed: Promise<void> | undefined
    const close = () => {
      closed ??= stop(child).finally(() => {
        process.off('exit', killAtExit)
        rmSync(directory, { recursive: true, force: true })
      })
      return closed
    }
    try {
      await ready(child)
    } catch (error) {
      await close()
      throw error
    }
    return { url: `redis://${HOST}:${port}`, kind: 'redis-server', close }
  })
}

function spawnRedis(port: number, directory: string): ChildProcess {
  const network = ['--port', String(port), '--bind', HOST]
  const memory = ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction', '--dir', directory]
  return spawn('redis-server', [...network, ...memory, '--daemonize', 'no'], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/**
 * Resolves when this very child says that it listens. Asking the port instead would be answered by whoever took it
 * first, and the events would go into a stranger's Redis.
 */
function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = ''
    const timer = setTimeout(() => reject(new Error(`redis-server did not start in ${START_MS} ms`)), START_MS)
    const read = (chunk: Buffer) => {
      // Goes on reading after the start: a full pipe would stop the server.
      if (output.length < MAX_OUTPUT) output += chunk.toString()
      if (output.includes('Ready to accept connections')) settle(resolve)
    }
    const settle = (then: () => void) => {
      clearTimeout(timer)
      then()
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('error', (error) => settle(() => reject(new Error(`redis-server does not start (${error.message})`))))
    child.once('close', (code) => {
      const taken = /address already in use/i.test(output)
      const message = `redis-server ended at once with ${code}: ${output.trim().split('\n').at(-1)}`
      settle(() => reject(taken ? new PortTaken(message) : new Error(message)))
    })
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await exited
  clearTimeout(timer)
}

/** The synchronous way, for the end of the process. */
function end(child: ChildProcess, directory: string): void {
  child.kill('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
}
