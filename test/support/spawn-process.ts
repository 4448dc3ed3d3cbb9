import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { join, resolve as resolvePath } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { type GuardOptions, guard } from './guard'
import { waitFor } from './wait-for'

export const ROOT = join(__dirname, '..', '..')

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface SpawnProcessOptions extends GuardOptions {
  /** Added to the few variables a program needs to run; nothing else of this process's environment is passed on. */
  env?: Record<string, string | undefined>
  cwd?: string
  uid?: number | undefined
  gid?: number | undefined
}

/** A program that a test runs: its output as lines, its end as a promise. It never outlives the test process. */
export class SpawnedProcess {
  readonly pid: number
  readonly stdout: string[] = []
  readonly stderr: string[] = []
  /** Resolves when the program has ended and all its output has been read. */
  readonly exited: Promise<Exit>
  readonly #command: string
  readonly #child: ChildProcess
  #exit: Exit | undefined

  constructor(command: string, args: readonly string[], options: SpawnProcessOptions) {
    const { env = {}, signal, directory, ...rest } = options
    const spawnOptions = { cwd: ROOT, ...rest, env: { ...baseEnvironment(), ...env }, detached: true } as SpawnOptions
    this.#command = [command, ...args].join(' ')
    this.#child = spawn(command, args, { ...spawnOptions, stdio: ['ignore', 'pipe', 'pipe'] })
    if (this.#child.pid === undefined) {
      this.#child.once('error', () => undefined)
      throw new Error(`Could not start ${this.#command}: is ${command} installed? See npm run services.`)
    }
    this.pid = this.#child.pid
    const release = guard(this.pid, { ...(signal && { signal }), directory })
    collect(this.#child.stdout, this.stdout)
    collect(this.#child.stderr, this.stderr)
    this.exited = new Promise((resolve) => {
      this.#child.once('close', (code, exitSignal) => {
        release()
        this.#exit = { code, signal: exitSignal }
        resolve(this.#exit)
      })
    })
  }

  get running(): boolean {
    return this.#exit === undefined
  }

  /** Everything printed so far, for the message of a failing assertion. */
  get output(): string {
    return [`$ ${this.#command}`, ...this.stdout, ...this.stderr].join('\n')
  }

  /** Resolves with the first line, already printed or yet to come, on either stream that matches. */
  async waitForLine(pattern: RegExp, { timeoutMs = 20_000 }: { timeoutMs?: number } = {}): Promise<string> {
    const found = await waitFor(
      () => {
        const line = this.stdout.find((text) => pattern.test(text)) ?? this.stderr.find((text) => pattern.test(text))
        return line === undefined ? this.#exit && { line: undefined } : { line }
      },
      { what: `a line like ${pattern} from\n${this.#command}`, timeoutMs },
    ).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\n${this.output}`, { cause: error })
    })
    if (found?.line !== undefined) return found.line
    throw new Error(`Ended (${JSON.stringify(this.#exit)}) without a line like ${pattern}:\n${this.output}`)
  }

  async waitForExit({ timeoutMs = 30_000 }: { timeoutMs?: number } = {}): Promise<Exit> {
    await waitFor(() => this.#exit, { what: `the end of ${this.#command}`, timeoutMs }).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\n${this.output}`, { cause: error })
    })
    return this.exited
  }

  /** Sends the signal and does not wait: for SIGSTOP, SIGCONT, and shutdowns that the test observes. */
  signal(signal: NodeJS.Signals): void {
    if (this.running) this.#child.kill(signal)
  }

  /** Sends the signal, SIGKILL unless given, and resolves when the program is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL', options?: { timeoutMs?: number }): Promise<Exit> {
    this.signal(signal)
    return this.waitForExit(options)
  }
}

export function spawnProcess(command: string, args: readonly string[], options: SpawnProcessOptions = {}) {
  return new SpawnedProcess(command, args, options)
}

/** Runs a script with this Node; `script` is absolute, or relative to the repository. */
export function spawnNode(script: string, args: readonly string[] = [], options: SpawnProcessOptions = {}) {
  return new SpawnedProcess(process.execPath, [resolvePath(ROOT, script), ...args], options)
}

/** Runs the `audit-logger` command; call `build()` first. */
export function spawnCli(args: readonly string[], options: SpawnProcessOptions = {}) {
  return spawnNode('dist/cli/main.js', args, options)
}

/** A developer's own AWS or AUDIT_LOGGER variables must not decide whether a test passes. */
function baseEnvironment(): Record<string, string | undefined> {
  const { PATH, HOME, TMPDIR, LANG } = process.env
  return { PATH, HOME, TMPDIR, LANG }
}

function collect(stream: Readable | null, lines: string[]): void {
  if (stream) createInterface({ input: stream }).on('line', (line) => lines.push(line))
}
