import type { EventEmitter } from 'node:events'
import type { Server } from 'node:http'
import { context, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base'

const manager = new AsyncLocalStorageContextManager()

/** A real tracer for this process, until it is switched off again. */
export function startTracing(): () => void {
  context.setGlobalContextManager(manager.enable())
  trace.setGlobalTracerProvider(new BasicTracerProvider())
  return () => {
    trace.disable()
    context.disable()
  }
}

/** What OpenTelemetry's instrumentation of node:http does: a span around each request, continuing the client's trace. */
export function traceRequests(server: Server): void {
  const emit = server.emit as (name: string | symbol, ...given: unknown[]) => boolean
  server.emit = function emitTraced(this: Server, name: string | symbol, ...given: unknown[]): boolean {
    if (name !== 'request') return emit.call(this, name, ...given)
    const [request, response] = given as [EventEmitter & { headers: Record<string, string> }, EventEmitter]
    const [, traceId = '', spanId = ''] = request.headers.traceparent?.split('-') ?? []
    const remote = { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true }
    const span = trace.getTracer('test').startSpan('request', {}, trace.setSpanContext(ROOT_CONTEXT, remote))
    const active = trace.setSpan(ROOT_CONTEXT, span)
    manager.bind(active, request)
    manager.bind(active, response)
    response.once('close', () => span.end())
    return context.with(active, () => emit.call(this, name, ...given))
  } as typeof server.emit
}
