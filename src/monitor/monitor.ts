import type { IncomingMessage, ServerResponse } from 'node:http'
import { closing } from '../closing'
import { contextNode, newContext, runInContext } from '../context/context'
import { globalLogger } from '../default-logger'
import type { EventLogger, LogFields } from '../event-logger'
import { problemOf, type Reports } from '../report'
import type { MonitorSettings, SuspectRequest, SuspiciousRule } from './options'
import { RateLimit, type Suppressed } from './rate-limit'
import { bytesOf, decodedUrl, rulesOf } from './rules'
import { watchProcess } from './watch-process'

/** A request that is being served, as the monitoring sees it. */
export interface Watched {
  readonly incoming: IncomingMessage
  readonly method: string | undefined
  readonly url: string | undefined
  readonly ip: string | undefined
  /** As `performance.now()` gave it. */
  readonly started: number
}

/** Reads the requests of one middleware for what an administrator should hear of, when each is over. */
export class RequestMonitor {
  readonly #settings: MonitorSettings
  readonly #audit: EventLogger | undefined
  readonly #reports: Reports
  readonly #rules: readonly SuspiciousRule[]
  readonly #limit: RateLimit
  #leaving: EventLogger | undefined
  readonly #tellWhenClosing = (logger: EventLogger) => this.#closing(logger)

  constructor(settings: MonitorSettings, audit: EventLogger | undefined, reports: Reports) {
    this.#settings = settings
    this.#audit = audit
    this.#reports = reports
    this.#rules = rulesOf(settings)
    this.#limit = new RateLimit(settings.perMinute, (suppressed) => this.#tellSuppressed(suppressed))
    if (settings.exceptions) watchProcess((error, origin) => this.#processFailed(error, origin))
  }

  /** To be called in the request's context, when its response is over: sent, or given up. */
  finished(request: Watched, response: ServerResponse, failure: { error: unknown } | undefined): void {
    const { statusCode: status } = response
    const aborted = response.writableFinished ? {} : { aborted: true }
    this.#suspicious(request, { status, ...aborted })
    if (this.#settings.statuses.has(status)) {
      this.#record(`REQUEST_DENIED ${status}`, { outcome: 'failure', status, ...aborted })
    }
    if (this.#settings.exceptions) this.#failed(failure, { status, ...aborted })
    const duration = Math.round(performance.now() - request.started)
    if (duration >= this.#settings.slowMs && !isEventStream(response)) {
      this.#record('REQUEST_SLOW', { duration_ms: duration, threshold_ms: this.#settings.slowMs, status, ...aborted })
    }
  }

  /** An error that became a status below 500 was handled; a status from 500 on of unknown cause is told as no more. */
  #failed(failure: { error: unknown } | undefined, fields: LogFields & { status: number; aborted?: boolean }): void {
    if (fields.status < 500 && !(fields.aborted === true && failure !== undefined)) return
    if (failure === undefined) this.#record('REQUEST_FAILED', { outcome: 'failure', ...fields })
    else this.#record('UNHANDLED_EXCEPTION', { ...failed(failure.error), ...fields })
  }

  #suspicious({ incoming, method = '', url = '', ip }: Watched, fields: LogFields): void {
    const { headers, rawHeaders } = incoming
    const suspect: SuspectRequest = {
      method,
      url,
      ip,
      decodedUrl: decodedUrl(url),
      userAgent: headers['user-agent'] ?? '',
      headers,
      headerBytes: bytesOf(rawHeaders),
    }
    const rules = this.#rules.filter((rule) => this.#matches(rule, suspect)).map(({ name }) => name)
    const [first] = rules
    if (first !== undefined) this.#record(`REQUEST_SUSPICIOUS ${first}`, { outcome: 'failure', rules, ...fields })
  }

  #matches({ name, test }: SuspiciousRule, suspect: SuspectRequest): boolean {
    try {
      return test(suspect) === true
    } catch (error) {
      const details = { option: `monitor rule ${name}`, problem: problemOf(error) }
      this.#reports.report('AUDIT_CONTEXT_OPTION_FAILED', details, `rule ${name}`)
      return false
    }
  }

  /** In the context in which the exception was thrown, if Node still knows it. */
  #processFailed(error: unknown, origin: string): void {
    const record = () => this.#record('UNHANDLED_EXCEPTION', { ...failed(error), origin })
    if (contextNode() === undefined) inSystem(record)
    else record()
  }

  /** @param kind the action, and what tells kinds of it apart: an attack of one kind must not hide another */
  #record(kind: string, fields: LogFields): void {
    if (!this.#limit.admits(kind)) {
      closing.add(this.#tellWhenClosing)
      return
    }
    const [action = kind] = kind.split(' ')
    this.#logger()?.sendLog(action, fields)
  }

  #tellSuppressed({ kind, count, from, to }: Suppressed): void {
    const [event, of] = kind.split(' ')
    const first = new Date(from).toISOString()
    const last = new Date(to).toISOString()
    const logger = this.#leaving ?? this.#logger()
    inSystem(() =>
      logger?.sendLog('SECURITY_EVENTS_SUPPRESSED', { event, ...(of && { kind: of }), count, first, last }),
    )
  }

  /** The last moment to say what was counted. Not the global logger: asked now, it might be made anew. */
  #closing(logger: EventLogger): void {
    if (this.#audit !== undefined && this.#audit !== logger) return
    closing.delete(this.#tellWhenClosing)
    this.#leaving = logger
    this.#limit.tell()
    this.#leaving = undefined
  }

  #logger(): EventLogger | undefined {
    return this.#audit ?? globalLogger()
  }
}

function failed(error: unknown): LogFields {
  const { name, code } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>
  const kind = typeof name === 'string' ? { name } : {}
  const known = typeof code === 'string' || typeof code === 'number' ? { code } : {}
  return { outcome: 'failure', reason: problemOf(error), error: { ...kind, ...known } }
}

function inSystem(fn: () => void): void {
  runInContext(newContext({ entryPoint: 'system' }), fn)
}

/** Open for as long as its reader likes, which is no sign of anything. */
function isEventStream(response: ServerResponse): boolean {
  return String(response.getHeader('content-type') ?? '').startsWith('text/event-stream')
}
