import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { AuditLogger } from '../../../src/audit-logger'
import { defineEvents } from '../../../src/events/define-events'

const SCHEMAS = {
  INVOICE_SENT: z.object({ to: z.email(), copies: z.int().default(1) }),
  CACHE_CLEARED: z.object({ keys: z.int().optional() }),
}

describe('a logger with a catalogue', () => {
  it('has names and content that the compiler knows', () => {
    // Compiled (`npm run types`), never run.
    const compiled = () => {
      const audit = new AuditLogger({ events: defineEvents(SCHEMAS) })
      expectTypeOf(audit.event<'INVOICE_SENT'>)
        .parameter(0)
        .toEqualTypeOf<'INVOICE_SENT'>()
      audit.event('INVOICE_SENT', { to: 'ann@example.org', user: null, instance: {} })
      audit.event('CACHE_CLEARED')
      // @ts-expect-error: an unknown name
      audit.event('INVOICE_SEND', { to: 'x' })
      // @ts-expect-error: required content is missing
      audit.event('INVOICE_SENT')
      // @ts-expect-error: content of another type
      audit.event('INVOICE_SENT', { to: 5 })
      // @ts-expect-error: content that the schema does not have
      audit.event('INVOICE_SENT', { to: 'x', cc: 'y' })
      // @ts-expect-error: an unknown name
      audit.build('INVOICE_SEND')
      // @ts-expect-error: content of another type
      audit.build('INVOICE_SENT').set('to', 5)
      // @ts-expect-error: content that the schema does not have
      audit.build('INVOICE_SENT').set('cc', 'y')
      // @ts-expect-error: reason is a field of the event itself
      defineEvents({ X: z.object({ reason: z.string() }) })
      const anywhere: AuditLogger = audit
      anywhere.event('ANY_NAME', { any: 'content' })
      expectTypeOf(new AuditLogger()).toEqualTypeOf<AuditLogger>()
    }
    expectTypeOf(compiled).returns.toBeVoid()
  })
})
