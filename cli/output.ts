import { once } from 'node:events'
import { AuditError } from '../config/errors'
import { AuditSettingsError } from '../config/settings-error'

/** A command's answer: on stdout, as text for people or as one JSON object for machines. */
export class Output {
  readonly json: boolean

  constructor(json: boolean) {
    this.json = json
  }

  /** The result: the object with `--json`, else the text. */
  result(object: object, text: string): void {
    this.text(this.json ? JSON.stringify(object) : text)
  }

  text(text: string): void {
    process.stdout.write(`${text}\n`)
  }

  /** A part of an answer that is too long to be held; resolves when the reader is ready for the next one. */
  async part(text: string): Promise<void> {
    if (!process.stdout.write(text)) await once(process.stdout, 'drain')
  }

  /** An error with its code and remedy; JSON on stdout for machines, text on stderr for people. */
  failure(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    if (!this.json) {
      process.stderr.write(`${message}\n`)
      return
    }
    const code = error instanceof AuditError ? error.code : 'UNEXPECTED'
    const problems = error instanceof AuditSettingsError ? { problems: error.problems } : {}
    this.text(JSON.stringify({ error: { code, message, ...problems } }))
  }
}

/** `1 batch`, `2 batches`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`
}
