import type { DataSource } from 'typeorm'
import type { EventCatalogue, EventSchemas } from '../config/catalogue'
import { type AuditLoggerOptions, type Environment, loadSettings, type Settings } from '../config/settings'
import { attachCapture } from './capture/attach'
import { describeInstance } from './capture/instance'
import { announceClosing } from './closing'
import type { Present } from './context/jobs/present'
import { openOutsideContexts } from './context/pool-connections'
import { inShort } from './context/who'
import { type EventLogger, openLoggers, type SuspendOptions } from './event-logger'
import { EventRecorder } from './event-recorder'
import { ExplicitEvents } from './events/explicit-events'
import type { AnyEvents } from './events/types'
import { LazyQueue } from './lazy-queue'
import { Lifecycle } from './lifecycle'
import { createQueue } from './queue/producer'
import type { EventQueue, QueueCounts } from './queue/queue'
import type { Recorder } from './recorder'
import { problemOf, Reports } from './report'
import type { Sender } from './send-log'
import { attachMigrations } from './switches/migrations'
import { suspendCapture } from './switches/suspend'
import { observeCapture } from './telemetry/capture-metrics'

/** What tests put in the place of the real parts, and what only this package says. Not part of the public interface. */
export interface AuditLoggerParts {
  queue?: EventQueue
  clock?: () => number
  /** Made by the package itself: the global functions do not take it for one of the application's. */
  implicit?: boolean
  /** `process.env` unless given. */
  environment?: Environment
}

/** The settings, of which the catalogue tells the compiler the events. */
export type OptionsWith<Events extends EventSchemas> = AuditLoggerOptions & {
  events?: EventCatalogue<Events> | undefined
}

/**
 * Records what happens in the data sources attached to it, and what it is told, and pushes it to Redis. With the first
 * data source or event it makes its connection and records AUDIT_STARTED, with `close()` AUDIT_STOPPED; with
 * `enabled: false` nothing is recorded and no connection is ever made.
 *
 * @example
 * const audit = new AuditLogger({ userOrganisationField: 'profile.organisation' }).attach(dataSource)
 * audit.sendLog('REPORT_EXPORTED', { instance: report, format: 'csv', rows: 1200 })
 * await audit.close()
 */
export class AuditLogger<Events extends EventSchemas = AnyEvents>
  extends ExplicitEvents<Events>
  implements EventLogger
{
  readonly settings: Settings
  readonly #recorder: EventRecorder
  readonly #queue: EventQueue
  readonly #lifecycle: Lifecycle
  readonly #unobserve: () => void
  readonly #sender: Sender
  readonly #attached = new Map<DataSource, () => void>()
  #closing: Promise<void> | undefined

  /** @throws AuditSettingsError naming every setting that is wrong */
  constructor(options: OptionsWith<Events> = {}, parts: AuditLoggerParts = {}) {
    super()
    const { queue, clock, implicit = false, environment } = parts
    this.settings = loadSettings(options, environment)
    const { settings } = this
    const reports = new Reports(settings.logger)
    const dataSources = () => this.#attached.keys()
    this.#queue = queue ?? new LazyQueue(() => createQueue(settings), reports)
    this.#lifecycle = new Lifecycle(this.#queue, settings)
    this.#unobserve = settings.enabled ? observeCapture(settings.prefix, () => this.#queue.counts) : () => undefined
    this.#recorder = new EventRecorder({ settings, queue: this.#queue, dataSources, reports, clock })
    const describe = (value: unknown) => describeInstance(value, dataSources())
    const attached: Iterable<DataSource> = { [Symbol.iterator]: () => dataSources()[Symbol.iterator]() }
    const describeActor = (user: unknown) => inShort(user, { settings, dataSources: attached, reports })
    this.#sender = {
      recorder: this.#recorder,
      reports,
      describeInstance: describe,
      describeActor,
      dataSources: attached,
      catalogue: settings.events,
    }
    if (!implicit) openLoggers.add(this as AuditLogger)
  }

  /** For the capture paths of this package. */
  get recorder(): Recorder {
    return this.#recorder
  }

  /**
   * Captures the changes of this data source, before or after it is initialised. Attaching it again does nothing; with
   * `enabled: false` it captures nothing and keeps `AuditSubscriber` from it.
   */
  attach(dataSource: DataSource): this {
    if (!this.#attached.has(dataSource)) {
      const detach = attachCapture(dataSource, this.#recorder, this.settings)
      const forget = this.settings.enabled ? attachMigrations(dataSource, this.#sender) : () => undefined
      const restore = this.settings.enabled ? openOutsideContexts(dataSource) : () => undefined
      this.#attached.set(dataSource, () => {
        restore()
        forget()
        detach()
      })
      if (this.settings.enabled) this.#lifecycle.started()
    }
    return this
  }

  /** Undoes `attach`, for one data source or for all. */
  detach(dataSource?: DataSource): void {
    const leaving = dataSource === undefined ? [...this.#attached.keys()] : [dataSource]
    for (const one of leaving) {
      const undo = this.#attached.get(one)
      this.#attached.delete(one)
      undo?.()
    }
  }

  /** What an event made now would tell of who and from where; undefined outside of any context. For the adapters of jobs. */
  present(): Present | Promise<Present> | undefined {
    return this.settings.enabled ? this.#recorder.present() : undefined
  }

  /**
   * Runs `fn` without recording the changes that it and all that it awaits make: for imports and repairs. One
   * AUDIT_SUSPENDED event tells it, with the reason and how many events were not recorded. Returns what `fn` returns.
   */
  suspend<T>(fn: () => T, options: SuspendOptions): T {
    const sender = this.sender()
    return sender === undefined ? fn() : suspendCapture(sender, fn, options)
  }

  /** What became of the events so far; undefined before the first. docs/outages.md explains each. */
  get counts(): QueueCounts | undefined {
    return this.#queue.counts
  }

  /** Resolves when all captured so far is on the pending list, or was dropped and counted. */
  flush(): Promise<void> {
    return this.#recorder.flush()
  }

  /** Pushes what is buffered, within a bound, then detaches and gives the connection back. More calls change nothing. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    announceClosing(this, (error) => this.#sender.reports.report('AUDIT_CAPTURE_FAILED', { problem: problemOf(error) }))
    openLoggers.delete(this as AuditLogger)
    await this.#recorder.settle()
    this.detach()
    // What was committed meanwhile may still wait for its organisation.
    await this.#recorder.settle()
    this.#lifecycle.stopped()
    await this.#queue.close()
    this.#unobserve()
  }

  /** For this package's own parts; undefined when nothing is recorded. */
  override sender(): Sender | undefined {
    return this.#records() ? this.#sender : undefined
  }

  /** Whether an event is to be recorded; before the first one, that recording starts. */
  #records(): boolean {
    if (this.settings.enabled) this.#lifecycle.started()
    return this.settings.enabled
  }
}
