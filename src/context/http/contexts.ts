import type { IncomingMessage, ServerResponse } from 'node:http'
import { RequestMonitor } from '../../monitor/monitor'
import { readMonitorOptions } from '../../monitor/options'
import { problemOf, Reports } from '../../report'
import { type ContextNode, contextField, contextNode, runInContext } from '../context'
import type { HttpAdapter } from './adapter'
import { bindEmitter } from './emitters'
import type { RequestContextOptions } from './options'
import { RequestReader, setUp } from './reader'
import { openContext, RequestContext } from './request-context'
import { requestId } from './request-id'

const DEFAULT_HEADER = 'x-request-id'

/** Tells the monitoring of an error that a request ended with; outside of the request's context it does nothing. */
export function requestFailed(incoming: IncomingMessage, error: unknown): void {
  const open = openContext(contextNode(), incoming)
  if (open !== undefined) open.failure ??= { error }
}

/** Makes the contexts of the requests that pass one middleware, plugin or wrapper. */
export class HttpContexts<R> {
  /** The header of the request id, in lower case; undefined for none. */
  readonly header: string | undefined
  readonly #adapter: HttpAdapter<R>
  readonly #options: RequestContextOptions<R>
  readonly #reader: RequestReader<R>
  readonly #reports: Reports
  readonly #monitor: RequestMonitor | undefined

  /** @throws AuditError naming the option that is not usable */
  constructor(adapter: HttpAdapter<R>, options: RequestContextOptions<R> = {}) {
    const { requestIdHeader = DEFAULT_HEADER } = options
    this.header = requestIdHeader === false ? undefined : headerName(requestIdHeader)
    this.#adapter = adapter
    this.#options = options
    this.#reader = new RequestReader(adapter, options)
    this.#reports = new Reports(options.audit?.settings.logger)
    const monitor = setUp('monitor', () => readMonitorOptions(options.monitor))
    this.#monitor = monitor && new RequestMonitor(monitor, options.audit, this.#reports)
  }

  get monitors(): boolean {
    return this.#monitor !== undefined
  }

  /** Runs `fn`, and all that it starts, in the context of the request. Returns and throws what `fn` does. */
  run<T>(request: R, response: ServerResponse, fn: () => T): T {
    const context = this.open(request, response)
    if (context === undefined) return fn()
    if (this.header !== undefined && !response.headersSent) response.setHeader(this.header, context.id)
    return runInContext(context, fn)
  }

  /**
   * The same for an adapter that sets the header itself: a new context, in which the listeners of request and response
   * run. Undefined for requests that are skipped, and where one is open: a middleware mounted twice opens one.
   */
  open(request: R, response: ServerResponse): RequestContext<R> | undefined {
    const incoming = this.#adapter.incoming(request)
    const running = contextNode()
    if (running !== undefined && openContext(running, incoming) !== undefined) return undefined
    if (this.#options.skip !== undefined && this.#skips(request)) return undefined
    const id = requestId(incoming.headers, this.header)
    const context = new RequestContext(this.#reader, request, incoming, id, running && outerOf(running))
    bindEmitter(incoming, context)
    bindEmitter(response, context)
    if (this.#monitor !== undefined) this.#watch(context, response, this.#monitor)
    return context
  }

  /** Runs `fn`; what it throws or rejects with passes through, and is told to the monitoring. */
  watch<T>(request: R, fn: () => T): T {
    if (this.#monitor === undefined) return fn()
    const incoming = this.#adapter.incoming(request)
    const failed = (error: unknown): never => {
      requestFailed(incoming, error)
      throw error
    }
    try {
      const result = fn()
      // The promise that tells is the one returned: of two, one would count as handled and hide what nobody handles.
      return result instanceof Promise ? (result.catch(failed) as T) : result
    } catch (error) {
      return failed(error)
    }
  }

  #watch(context: RequestContext<R>, response: ServerResponse, monitor: RequestMonitor): void {
    context.started = performance.now()
    response.once('close', () => monitor.finished(context, response, context.failure))
  }

  #skips(request: R): boolean {
    try {
      return this.#options.skip?.(request) === true
    } catch (error) {
      const details = { option: 'skip', problem: problemOf(error) }
      this.#reports.report('AUDIT_CONTEXT_OPTION_FAILED', details, 'skip')
      return false
    }
  }
}

/**
 * A context that the application opened around the request is inherited. One in which the server was started is not,
 * though Node hands it to every connection: whoever ran that command did not make this request.
 */
function outerOf(running: ContextNode): ContextNode | undefined {
  return contextField(running, 'entryPoint') === 'http' ? running : undefined
}

function headerName(name: string): string {
  return setUp('requestIdHeader', () => {
    if (typeof name === 'string' && /^[\w!#$%&'*+.^`|~-]{1,128}$/.test(name)) return name.toLowerCase()
    throw new TypeError(`${JSON.stringify(name)} is not the name of a header`)
  })
}
