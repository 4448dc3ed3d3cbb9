import { copyOwn } from '../event/copy-own'
import type { Outcome } from '../event/event'
import { put } from '../event/put'

/** What a builder does when it is sent, or used afterwards. */
export interface BuilderEnds {
  /** May throw, when a strict catalogue refuses. */
  send(fields: Record<string, unknown>): void
  spent(): void
}

/**
 * An event that is filled step by step and then sent, once. It reads the values, the context and the clock when it is
 * sent; one that is never sent is nothing.
 *
 * @example
 * const event = audit.build('INVOICE_SENT').instance(invoice)
 * if (copy) event.set('copy', copy.address)
 * event.send()
 */
export class EventBuilder<Content extends object = Record<string, unknown>> {
  readonly #ends: BuilderEnds
  readonly #fields: Record<string, unknown> = {}
  #sent = false

  constructor(ends: BuilderEnds) {
    this.#ends = ends
  }

  /** What it was done to: an entity, or any object. */
  instance(instance: unknown): this {
    return this.#put('instance', instance)
  }

  /** The application's user object, when it is not the context's; `null` says that there is none. */
  user(user: unknown): this {
    return this.#put('user', user)
  }

  /** When it happened, if not when it is sent. */
  date(date: Date | string | number): this {
    return this.#put('date', date)
  }

  reason(reason: string): this {
    return this.#put('reason', reason)
  }

  /** `success` unless said. */
  outcome(outcome: Outcome): this {
    return this.#put('outcome', outcome)
  }

  /** Sets one field of the content; the last value counts. */
  set<Name extends keyof Content & string>(name: Name, value: Content[Name]): this {
    return this.#put(name, value)
  }

  /** Sets several fields of the content. */
  add(content: Partial<Content>): this {
    for (const [name, value] of Object.entries(copyOwn(content))) this.#put(name, value)
    return this
  }

  /**
   * Sends the event. Later calls do nothing but report it.
   *
   * @throws AuditError when a catalogue is strict and the event does not fit it; it can then be corrected and sent
   */
  send(): void {
    if (this.#sent) {
      this.#ends.spent()
      return
    }
    this.#ends.send(this.#fields)
    this.#sent = true
  }

  #put(name: string, value: unknown): this {
    if (this.#sent) this.#ends.spent()
    else put(this.#fields, name, value)
    return this
  }
}
