import { globalLogger } from './default-logger'
import type { Exported, LogFields, SuspendOptions, SystemFields } from './event-logger'
import { EventBuilder } from './events/builder'

/**
 * Records an event of your own, checked by the catalogue of the logger if it has one. Never waits.
 *
 * @throws AuditError `AUDIT_EVENT_UNKNOWN` or `AUDIT_EVENT_INVALID`, only from a catalogue that is strict
 */
export function logEvent(action: string, fields?: LogFields): void {
  globalLogger()?.event(action, fields)
}

/**
 * An event to be filled step by step, and recorded by its `send()`.
 *
 * @example
 * buildEvent('INVOICE_SENT').instance(invoice).set('to', 'ann@example.org').send()
 */
export function buildEvent(action: string): EventBuilder {
  return globalLogger()?.build(action) ?? new EventBuilder({ send: () => undefined, spent: () => undefined })
}

/** Records OBJ_VIEWED: the user was shown this entity, or object. Never throws and never waits. */
export function logViewed(instance: object, fields?: LogFields): void {
  globalLogger()?.viewed(instance, fields)
}

/**
 * Records DATA_EXPORTED. Never throws and never waits.
 *
 * @example
 * logExported({ type: Invoice, format: 'csv', count: 1200, filters: { year: 2026 } })
 */
export function logExported(what: Exported): void {
  globalLogger()?.exported(what)
}

/**
 * Records SYSTEM_EVENT. Never throws and never waits.
 *
 * @example
 * logSystem({ level: 'warning', title: 'Payment provider slow', latency_ms: 4200 })
 */
export function logSystem(what: SystemFields): void {
  globalLogger()?.system(what)
}

/** Records OBJ_FIELDS: the current values of these properties, masked as the entity's changes are. Never throws or waits. */
export function logFields(instance: object, names: readonly string[], content?: LogFields): void {
  globalLogger()?.fields(instance, names, content)
}

/**
 * Runs `fn` without recording the changes that it and all that it awaits make; one AUDIT_SUSPENDED event tells it.
 * Returns what `fn` returns.
 */
export function suspend<T>(fn: () => T, options: SuspendOptions): T {
  const logger = globalLogger()
  return logger === undefined ? fn() : logger.suspend(fn, options)
}
