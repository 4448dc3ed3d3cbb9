import type { DataSource } from 'typeorm'
import { type AuditLoggerOptions, loadSettings, type Settings } from '../config/settings'
import { attachCapture } from './capture/attach'
import { describeInstance } from './capture/instance'
import { type EventLogger, type LogFields, type LoginFailure, openLoggers } from './event-logger'
import { LazyQueue } from './lazy-queue'
import { Lifecycle } from './lifecycle'
import { logLogin, logLoginFailed, logLogout } from './login'
import { createQueue } from './queue/producer'
import type { EventQueue, QueueCounts } from './queue/queue'
import { EventRecorder, type Recorder } from './recorder'
import { Reports } from './report'
import { type Sender, sendEvent } from './send-log'
import { observeCapture } from './telemetry/capture-metrics'

/** What tests put in the place of the real parts, and what only this package says. Not part of the public interface. */
export interface AuditLoggerParts {
  queue?: EventQueue
  clock?: () => number
  /** Made by the package itself: the global functions do not take it for one of the application's. */
  implicit?: boolean
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
export class AuditLogger implements EventLogger {
  readonly settings: Settings
  readonly #recorder: EventRecorder
  readonly #queue: EventQueue
  readonly #lifecycle: Lifecycle
  readonly #unobserve: () => void
  readonly #sender: Sender
  readonly #attached = new Map<DataSource, () => void>()
  #closing: Promise<void> | undefined

  /** @throws AuditSettingsError naming every setting that is wrong */
  constructor(options: AuditLoggerOptions = {}, { queue, clock, implicit = false }: AuditLoggerParts = {}) {
    this.settings = loadSettings(options)
    const { settings } = this
    const reports = new Reports(settings.logger)
    const dataSources = () => this.#attached.keys()
    this.#queue = queue ?? new LazyQueue(() => createQueue(settings), reports)
    this.#lifecycle = new Lifecycle(this.#queue, settings)
    this.#unobserve = settings.enabled ? observeCapture(settings.prefix, () => this.#queue.counts) : () => undefined
    this.#recorder = new EventRecorder({ settings, queue: this.#queue, dataSources, reports, clock })
    const describe = (value: unknown) => describeInstance(value, dataSources())
    this.#sender = { recorder: this.#recorder, reports, describeInstance: describe }
    if (!implicit) openLoggers.add(this)
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
      this.#attached.set(dataSource, attachCapture(dataSource, this.#recorder, this.settings))
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

  /**
   * Records an event of your own. Never throws and never waits.
   *
   * @param action its name, such as `'ORGANISATION_LOGIN'`
   * @param fields `instance`, `user`, `date`, `reason`, `outcome`; all others become the event's `content`
   */
  sendLog(action: string, fields?: LogFields): void {
    if (this.#records()) sendEvent(this.#sender, { method: 'sendLog', action, fields })
  }

  /** Records USER_LOGIN of the application's user object. Never throws and never waits. */
  logLogin(user: unknown, extra?: LogFields): void {
    if (this.#records()) logLogin(this.#sender, user, extra)
  }

  /** Records USER_LOGIN_FAILED. Never throws and never waits, and looks nobody up. */
  logLoginFailed(failure: LoginFailure): void {
    if (this.#records()) logLoginFailed(this.#sender, failure)
  }

  /** Records USER_LOGOUT, of the context's user unless one is given. Never throws and never waits. */
  logLogout(user?: unknown, extra?: LogFields): void {
    if (this.#records()) logLogout(this.#sender, user, extra)
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
    openLoggers.delete(this)
    await this.#recorder.settle()
    this.detach()
    // What was committed meanwhile may still wait for its organisation.
    await this.#recorder.settle()
    this.#lifecycle.stopped()
    await this.#queue.close()
    this.#unobserve()
  }

  /** Whether an event is to be recorded; before the first one, that recording starts. */
  #records(): boolean {
    if (this.settings.enabled) this.#lifecycle.started()
    return this.settings.enabled
  }
}
