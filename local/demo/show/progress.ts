import { type Style, styleFor } from './style'

/** What the demo is doing, line by line, on stderr: stdout has only the result. */
export class Progress {
  readonly #style: Style = styleFor(process.stderr)
  readonly #start = performance.now()

  step(text: string): void {
    const seconds = ((performance.now() - this.#start) / 1000).toFixed(1).padStart(4)
    process.stderr.write(`${this.#style('dim', `${seconds} s`)}  ${text}\n`)
  }
}
