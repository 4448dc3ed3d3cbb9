import { DataSource, type DataSourceOptions, type EntityTarget } from 'typeorm'
import type { Logger } from '../../../config/logger'
import { type AuditLoggerOptions, loadSettings, type Settings } from '../../../config/settings'
import { attachCapture } from '../../../src/capture/attach'
import type { AuditEvent } from '../../../src/event/event'
import { EventRecorder } from '../../../src/event-recorder'
import type { EventQueue } from '../../../src/queue/queue'
import { finishSpareTime } from '../../../src/spare-time'

/** A queue that keeps what it is given, push by push. */
export class CollectingQueue implements EventQueue {
  readonly #pushes: AuditEvent[][] = []

  /** Of what was captured until now. */
  get pushes(): AuditEvent[][] {
    finishSpareTime()
    return this.#pushes
  }

  push(lines: readonly string[]): void {
    this.#pushes.push(lines.map((line) => JSON.parse(line) as AuditEvent))
  }

  get events(): AuditEvent[] {
    return this.pushes.flat()
  }

  flush = async () => undefined
  close = async () => undefined
}

export interface Warning {
  code: string
  message: string
}

/** A recorder whose events can be read, and the warnings that the settings' logger was given. */
export class Trail {
  readonly queue = new CollectingQueue()
  readonly warnings: Warning[] = []
  readonly settings: Settings
  readonly recorder: EventRecorder

  constructor(options: AuditLoggerOptions = {}) {
    const warn = (fields: object, message: string) => this.warnings.push({ ...(fields as { code: string }), message })
    const logger: Logger = { debug: () => undefined, info: () => undefined, warn, error: warn }
    this.settings = loadSettings({ logger, ...options }, {})
    this.recorder = new EventRecorder({ settings: this.settings, queue: this.queue, dataSources: () => [] })
  }

  /** @param rows `false`: only what subscribers are told, as with a database whose rows cannot be read */
  attach(dataSource: DataSource, rows = true): () => void {
    return attachCapture(dataSource, this.recorder, this.settings, { rows })
  }

  /** The events so far, which are then forgotten. */
  take(): AuditEvent[] {
    const { events } = this.queue
    this.queue.pushes.length = 0
    return events
  }

  /** The only event so far. */
  one(): AuditEvent {
    const events = this.take()
    if (events.length !== 1) throw new Error(`expected one event, there are ${events.length}: ${summary(events)}`)
    return events[0] as AuditEvent
  }
}

/** `OBJ_UPDATE Invoice 1 {"total":…}`: what a reader of a failing test wants to see. */
export function summary(events: readonly AuditEvent[]): string {
  return events
    .map(({ action, instance, changes }) => `${action} ${instance?.model} ${instance?.pk} ${JSON.stringify(changes)}`)
    .join('\n')
}

export async function sqljs(
  entities: (EntityTarget<object> & (string | (new () => object)))[] | NonNullable<DataSourceOptions['entities']>,
  options: object = {},
): Promise<DataSource> {
  const given = { type: 'sqljs', synchronize: true, entities, ...options } as DataSourceOptions
  return new DataSource(given).initialize()
}

/** A data source with capture attached. */
export async function audited(
  entities: NonNullable<DataSourceOptions['entities']>,
  settings: AuditLoggerOptions = {},
  rows = true,
): Promise<{ dataSource: DataSource; trail: Trail; detach: () => void }> {
  const dataSource = await sqljs(entities)
  const trail = new Trail(settings)
  return { dataSource, trail, detach: trail.attach(dataSource, rows) }
}

/** The new value of a property in an event. */
export function newValue(event: AuditEvent, property: string): unknown {
  const change = event.changes?.[property]
  return change !== undefined && 'to' in change ? change.to : undefined
}
