import { type DataSource, type EntitySubscriberInterface, EventSubscriber, getMetadataArgsStorage } from 'typeorm'
import { AuditError } from '../../config/errors'
import type { Settings } from '../../config/settings'
import type { Recorder } from '../recorder'
import { problemOf } from '../report'
import { Capture } from './capture'
import { CaptureSubscriber } from './capture-subscriber'
import { dataSourceOf, type SubscriberEvent } from './typeorm'

/** The one capture of a data source. */
interface Attachment {
  readonly recorder: Recorder
  /** Absent when the settings switch capture off. */
  readonly capture?: Capture
  readonly detach: () => void
  /** Made by `AuditSubscriber`: an explicit one takes its place. */
  implicit: boolean
}

interface Registry {
  readonly attachments: WeakMap<DataSource, Attachment>
  /** Data sources that were ever attached explicitly: `AuditSubscriber` keeps away from them from then on. */
  readonly explicit: WeakSet<DataSource>
}

/** On globalThis: a second copy of this package must not record the same changes again. */
const REGISTRY = Symbol.for('typeorm-audit-logger.attachments')

/**
 * Captures the changes of a data source, before or after it is initialised, and through each destroy() and
 * initialize(). Attaching the same recorder again changes nothing.
 *
 * @param rows `false` captures only what subscribers are told, as with a database whose rows cannot be read
 * @returns undoes it; later calls do nothing
 * @throws AuditError `AUDIT_ATTACHED_TWICE` when another logger captures this data source already
 */
export function attachCapture(
  dataSource: DataSource,
  recorder: Recorder,
  settings: Settings,
  { rows = true }: { rows?: boolean } = {},
): () => void {
  const { attachments, explicit } = registry()
  const present = attachments.get(dataSource)
  if (present?.recorder === recorder && !present.implicit) return present.detach
  if (present !== undefined && !present.implicit) throw new AuditError('AUDIT_ATTACHED_TWICE')
  const attachment = settings.enabled ? attach(dataSource, recorder, settings, rows) : idle(dataSource, recorder)
  present?.detach()
  attachments.set(dataSource, attachment)
  explicit.add(dataSource)
  return attachment.detach
}

/** What `AuditSubscriber` asks for: the data source's own capture, made by `make` unless there is or was an explicit one. */
export function implicitCapture(dataSource: DataSource, make: () => void): Capture | undefined {
  const { attachments, explicit } = registry()
  if (attachments.has(dataSource) || explicit.has(dataSource)) return undefined
  make()
  const made = attachments.get(dataSource)
  explicit.delete(dataSource)
  if (made !== undefined) made.implicit = true
  return made?.capture
}

function attach(dataSource: DataSource, recorder: Recorder, settings: Settings, rows: boolean): Attachment {
  const capture = new Capture(dataSource, recorder, settings)

  /** initialize() makes subscribers of the classes in the options, so each attachment needs a class of its own. */
  class BoundSubscriber extends CaptureSubscriber {
    protected override captureOf(event: SubscriberEvent): Capture | undefined {
      // Options may be shared by several data sources, and the class with them.
      return dataSourceOf(event) === dataSource ? capture : undefined
    }
  }
  EventSubscriber()(BoundSubscriber)
  // The first in each list: one that throws, or changes the entity, must not come before. TypeORM makes them in the order
  // of their decoration; a new list, because it may be going through this one.
  const { entitySubscribers } = getMetadataArgsStorage()
  entitySubscribers.unshift(...entitySubscribers.splice(-1))
  if (dataSource.isInitialized) {
    Object.assign(dataSource, { subscribers: [new BoundSubscriber(), ...dataSource.subscribers] })
  }
  try {
    setSubscribers(dataSource, (classes) => [...classes, BoundSubscriber])
  } catch (error) {
    if (!dataSource.isInitialized) {
      forget(BoundSubscriber)
      throw new AuditError('AUDIT_ATTACH_FAILED', { problem: problemOf(error) }, { cause: error })
    }
    // Frozen options: it is captured until the data source is destroyed, which is what the application can have.
  }
  const release = rows ? capture.intercept() : () => undefined
  const detach = (): void => {
    release()
    if (registry().attachments.get(dataSource)?.detach === detach) registry().attachments.delete(dataSource)
    capture.detached(() => {
      removeFrom(dataSource.subscribers as EntitySubscriberInterface[], (one) => one instanceof BoundSubscriber)
    })
    const listed = subscriberClasses(dataSource).includes(BoundSubscriber)
    if (listed) setSubscribers(dataSource, (classes) => classes.filter((one) => one !== BoundSubscriber))
    forget(BoundSubscriber)
  }
  return { recorder, capture, detach, implicit: false }
}

/** Switched off on purpose, which `AuditSubscriber` respects too. */
function idle(dataSource: DataSource, recorder: Recorder): Attachment {
  const detach = (): void => {
    if (registry().attachments.get(dataSource)?.detach === detach) registry().attachments.delete(dataSource)
  }
  return { recorder, detach, implicit: false }
}

type SubscriberClass = NonNullable<ReturnType<typeof subscriberClasses>>[number]

/** The option is a list, or an object with the classes as its values (a module's namespace). */
function subscriberClasses(dataSource: DataSource): unknown[] {
  const given: unknown = dataSource.options.subscribers ?? []
  return Array.isArray(given) ? given : Object.values(given as object)
}

function setSubscribers(dataSource: DataSource, change: (classes: SubscriberClass[]) => SubscriberClass[]): void {
  // Through setOptions, the documented way; the application's own list is left as it is.
  dataSource.setOptions({ subscribers: change(subscriberClasses(dataSource)) as never })
}

/** TypeORM lists every class that was ever decorated; without this, attaching and detaching would fill its memory. */
function forget(subscriber: typeof CaptureSubscriber): void {
  removeFrom(getMetadataArgsStorage().entitySubscribers, (one) => one.target === subscriber)
}

/** In place: TypeORM's broadcaster reads this very list. */
function removeFrom<T>(list: T[], where: (item: T) => boolean): void {
  for (let index = list.length - 1; index >= 0; index -= 1) {
    const item = list[index]
    if (item !== undefined && where(item)) list.splice(index, 1)
  }
}

function registry(): Registry {
  const holder = globalThis as { [REGISTRY]?: Registry }
  holder[REGISTRY] ??= { attachments: new WeakMap(), explicit: new WeakSet() }
  return holder[REGISTRY]
}
