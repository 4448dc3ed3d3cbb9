import { createRequire } from 'node:module'
import { join } from 'node:path'

/** The ids of OpenTelemetry, in hexadecimal. */
export interface SpanIds {
  readonly traceId: string
  readonly spanId?: string | undefined
}

/** The part of OpenTelemetry's tracing API that is used; structural, so that the package compiles without it. */
interface TraceApi {
  getActiveSpan(): { spanContext(): { traceId: string; spanId: string } } | undefined
}

const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/
const SPAN_ID = /^(?!0{16})[0-9a-f]{16}$/

let api: TraceApi | null | undefined

/**
 * The span that is active where this is called; undefined without one, and where `@opentelemetry/api` is not installed,
 * which is found out once. Never throws.
 */
export function activeSpan(): SpanIds | undefined {
  if (api === undefined) api = load()
  if (api === null) return undefined
  try {
    const { traceId, spanId } = api.getActiveSpan()?.spanContext() ?? {}
    // A context manager that is none, or a span that records nothing, gives zeros or anything else.
    if (traceId === undefined || !TRACE_ID.test(traceId)) return undefined
    return { traceId, spanId: spanId !== undefined && SPAN_ID.test(spanId) ? spanId : undefined }
  } catch {
    // The tracing of the application is broken, which its own people see; the event goes without the ids.
    return undefined
  }
}

/**
 * A trace that the context carries (a job's) wins over that of an active span, which must be of it to be told.
 *
 * @throws Error when what the context carries is no trace id
 */
export function traceOf(carried: string | undefined): SpanIds | undefined {
  if (carried !== undefined && !TRACE_ID.test(carried)) throw new Error('it is not 32 hexadecimal digits')
  const active = activeSpan()
  if (carried === undefined || carried === active?.traceId) return active
  return { traceId: carried }
}

function load(): TraceApi | null {
  try {
    // Not an import: an application without OpenTelemetry must not need it.
    const require = createRequire(join(__dirname, 'active-span.js'))
    return (require('@opentelemetry/api') as { trace: TraceApi }).trace
  } catch {
    return null
  }
}
