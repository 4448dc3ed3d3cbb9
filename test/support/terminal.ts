import { spawn } from 'node:child_process'
import { guard } from './guard'
import { ROOT } from './spawn-process'
import { waitFor } from './wait-for'

/** A command on a terminal of its own (`script`, which every Debian has), with somebody who types. */
export class TerminalSession {
  readonly pid: number
  readonly exited: Promise<number | null>
  /** Everything the terminal was told to show, control characters included. */
  screen = ''
  readonly #child

  constructor(args: readonly string[], env: Record<string, string>) {
    const words = [process.execPath, 'dist/cli/main.js', ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
    const { PATH, HOME } = process.env
    this.#child = spawn('script', ['-qefc', `exec ${words.join(' ')}`, '/dev/null'], {
      cwd: ROOT,
      env: { PATH, HOME, TERM: 'xterm', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    })
    if (this.#child.pid === undefined) throw new Error('Could not start script: is bsdutils installed?')
    this.pid = this.#child.pid
    const release = guard(this.pid)
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.screen += text
    })
    this.exited = new Promise((resolve) => {
      this.#child.once('close', (code) => {
        release()
        resolve(code)
      })
    })
  }

  async see(pattern: RegExp): Promise<void> {
    await waitFor(() => pattern.test(this.screen), { what: `${pattern} on the terminal`, timeoutMs: 20_000 }).catch(
      (error: unknown) => {
        throw new Error(`${(error as Error).message}\n${this.screen}`, { cause: error })
      },
    )
  }

  /** `\u0003` is Ctrl-C. */
  type(text: string): void {
    this.#child.stdin?.write(text)
  }
}
