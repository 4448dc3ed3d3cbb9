import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuditLogger } from '../../../src/audit-logger'
import { runWithContext } from '../../../src/context/context'
import { MemoryQueue, spyLogger } from '../fakes'

const manager = new AsyncLocalStorageContextManager()
const provider = new BasicTracerProvider()

beforeAll(() => {
  context.setGlobalContextManager(manager.enable())
  trace.setGlobalTracerProvider(provider)
})
afterAll(async () => {
  context.disable()
  trace.disable()
  await provider.shutdown()
})

function logger() {
  const queue = new MemoryQueue()
  return { queue, audit: new AuditLogger({ lifecycleEvents: false, logger: spyLogger() }, { queue }) }
}

describe('an event made while a span is active', () => {
  it('carries its trace and span ids, those of the nearest span', async () => {
    const { queue, audit } = logger()
    const tracer = trace.getTracer('test')
    const ids: unknown[] = []
    await tracer.startActiveSpan('outer', async (outer) => {
      audit.sendLog('A')
      ids.push({ trace_id: outer.spanContext().traceId, span_id: outer.spanContext().spanId })
      await tracer.startActiveSpan('inner', async (inner) => {
        await Promise.resolve()
        runWithContext({ user: 7 }, () => audit.sendLog('B'))
        ids.push({ trace_id: outer.spanContext().traceId, span_id: inner.spanContext().spanId })
        inner.end()
      })
      outer.end()
    })
    audit.sendLog('C')
    expect(queue.events.map(({ trace_id, span_id }) => ({ trace_id, span_id }))).toEqual([
      ...ids,
      { trace_id: undefined, span_id: undefined },
    ])
    await audit.close()
  })

  it('carries the trace that its context brought along, and the span only if it is of that trace', async () => {
    const { queue, audit } = logger()
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    trace.getTracer('test').startActiveSpan('job', (span) => {
      runWithContext({ entryPoint: 'job', traceId }, () => audit.sendLog('A'))
      runWithContext({ entryPoint: 'job', traceId: span.spanContext().traceId }, () => audit.sendLog('B'))
      span.end()
    })
    const [other, same] = queue.events
    expect([other?.trace_id, other?.span_id]).toEqual([traceId, undefined])
    expect(same?.span_id).toMatch(/^[0-9a-f]{16}$/)
    await audit.close()
  })

  it('says so when what its context brought along is no trace id', async () => {
    const { queue, audit } = logger()
    runWithContext({ traceId: '<script>' }, () => audit.sendLog('A'))
    expect(queue.events[0]).toMatchObject({ coverage: 'partial', coverage_reason: expect.stringContaining('traceId') })
    expect(queue.events[0]?.trace_id).toBeUndefined()
    await audit.close()
  })

  it('carries none when the tracing of the application is broken', async () => {
    const { queue, audit } = logger()
    const broken = {
      getSpan: () => undefined,
      spanContext: () => ({ traceId: '0'.repeat(32), spanId: '0'.repeat(16) }),
    }
    context.with(trace.setSpan(context.active(), broken as never), () => audit.sendLog('A'))
    const throwing = {
      spanContext() {
        throw new Error('broken')
      },
    }
    context.with(trace.setSpan(context.active(), throwing as never), () => audit.sendLog('B'))
    expect(queue.events.map(({ action, trace_id }) => [action, trace_id])).toEqual([
      ['A', undefined],
      ['B', undefined],
    ])
    await audit.close()
  })
})
