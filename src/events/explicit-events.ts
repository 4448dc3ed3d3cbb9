import type { EventSchemas } from '../../config/catalogue'
import type { Exported, LogFields, SystemFields } from '../event-logger'
import { LoginEvents } from '../login/login-events'
import { problemOf } from '../report'
import { type Sender, sendEvent } from '../send-log'
import { EventBuilder } from './builder'
import { sendCatalogued } from './catalogue'
import { sendFields } from './fields-event'
import { sendExported, sendViewed } from './read-events'
import { sendSystem } from './system-event'
import type { AnyEvents, ContentOf, EventArguments, EventName } from './types'

/** The events that an application names itself. No method waits, and none throws unless it says so. */
export abstract class ExplicitEvents<Events extends EventSchemas = AnyEvents> extends LoginEvents {
  /**
   * Records an event of your own. Never throws and never waits.
   *
   * @param action its name, such as `'ORGANISATION_LOGIN'`
   * @param fields `instance`, `user`, `date`, `reason`, `outcome`; all others become the event's `content`
   */
  sendLog(action: string, fields?: LogFields): void {
    const sender = this.sender()
    if (sender !== undefined) sendEvent(sender, { method: 'sendLog', action, fields })
  }

  /**
   * Records an event of your own, checked by the catalogue of the settings (`events`) if there is one.
   *
   * @throws AuditError `AUDIT_EVENT_UNKNOWN` or `AUDIT_EVENT_INVALID`, only from a catalogue that is strict
   *
   * @example
   * audit.event('INVOICE_SENT', { instance: invoice, to: 'ann@example.org' })
   */
  event<Action extends EventName<Events>>(action: Action, ...[fields]: EventArguments<Events[Action]>): void {
    const sender = this.sender()
    if (sender !== undefined) sendCatalogued(sender, { method: 'event', action, fields })
  }

  /**
   * An event to be filled step by step, and recorded by its `send()`.
   *
   * @example
   * audit.build('INVOICE_SENT').instance(invoice).set('to', 'ann@example.org').send()
   */
  build<Action extends EventName<Events>>(action: Action): EventBuilder<BuiltContent<Events[Action]>> {
    return new EventBuilder({
      send: (fields) => {
        const sender = this.sender()
        if (sender !== undefined) sendCatalogued(sender, { method: 'build', action, fields })
      },
      spent: () => this.sender()?.reports.report('AUDIT_EVENT_SENT', { action }),
    })
  }

  /** Records OBJ_VIEWED: the user was shown this entity, or object. */
  viewed(instance: object, fields?: LogFields): void {
    this.#send('viewed', (sender) => sendViewed(sender, instance, fields))
  }

  /**
   * Records DATA_EXPORTED.
   *
   * @example
   * audit.exported({ type: Invoice, format: 'csv', count: 1200, bytes: 88_000, filters: { year: 2026 } })
   */
  exported(what: Exported): void {
    this.#send('exported', (sender) => sendExported(sender, what))
  }

  /**
   * Records SYSTEM_EVENT; `failure` when its level is `error` or `critical` and nothing else is said.
   *
   * @example
   * audit.system({ level: 'warning', title: 'Payment provider slow', latency_ms: 4200 })
   */
  system(what: SystemFields): void {
    this.#send('system', (sender) => sendSystem(sender, what))
  }

  /**
   * Records OBJ_FIELDS: the current values of these properties, masked as the entity's changes are.
   *
   * @example
   * audit.fields(invoice, ['total', 'status'], { reason: 'before the year is closed' })
   */
  fields(instance: object, names: readonly string[], content?: LogFields): void {
    this.#send('fields', (sender) => sendFields(sender, instance, names, content))
  }

  /** The last resort for objects so hostile that not even an event can be made of them. */
  #send(method: string, send: (sender: Sender) => void): void {
    const sender = this.sender()
    if (sender === undefined) return
    try {
      send(sender)
    } catch (error) {
      sender.reports.report('AUDIT_CAPTURE_FAILED', { problem: problemOf(error) }, method)
    }
  }
}

/** What the steps of a builder may set. */
type BuiltContent<Schema extends EventSchemas[string]> =
  unknown extends ContentOf<Schema> ? Record<string, unknown> : ContentOf<Schema> & object
