import { AuditError, type ErrorCode, type ErrorDetails } from '../config/errors'
import { defaultLogger, type Logger } from '../config/logger'
import { DEFAULT_MASKING } from './event/masking'

let fallback: Logger | undefined

function fallbackLogger(): Logger {
  fallback ??= defaultLogger('warn')
  return fallback
}

/** Counts what goes wrong, and logs each kind once: a fault in every request must not flood the application's log. */
export class Reports {
  readonly #logger: Logger | undefined
  readonly #counts = new Map<string, number>()

  constructor(logger?: Logger) {
    this.#logger = logger
  }

  /** How often each kind was reported so far: by code, or `code kind` where a kind was given. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  /** Counts it; logs it when it is the first of its kind (the code, unless `kind` tells more). Never throws. */
  report(code: ErrorCode, details: ErrorDetails, kind?: string): void {
    this.#count(kind === undefined ? code : `${code} ${kind}`, () => new AuditError(code, details))
  }

  /** The same for an error that has its text already. */
  reportError(error: AuditError): void {
    this.#count(error.code, () => error)
  }

  #count(key: string, errorOf: () => AuditError): void {
    const count = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, count)
    if (count > 1) return
    try {
      this.#log(errorOf())
    } catch (error) {
      // The application's logger is broken; its fault must not become the request's. The count above still tells.
      process.emitWarning(`The logger of the audit settings throws: ${problemOf(error)}`, 'AuditLoggerWarning')
    }
  }

  #log(error: AuditError): void {
    const logger = this.#logger ?? fallbackLogger()
    logger.warn({ code: error.code, ...error.details }, error.message)
  }
}

/** What was thrown, in words and without the secrets of addresses. Never throws, whatever was thrown. */
export function problemOf(thrown: unknown): string {
  try {
    const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
    return DEFAULT_MASKING.texts.mask(text.toWellFormed(), false, () => undefined).slice(0, 500)
  } catch {
    // A thrown proxy, or an error whose message is a getter that throws: there is nothing more to say of it.
    return 'something unreadable was thrown'
  }
}
