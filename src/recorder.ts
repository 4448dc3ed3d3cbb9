import type { DataSource } from 'typeorm'
import { AuditError } from '../config/errors'
import type { Settings } from '../config/settings'
import { entityMasks } from './capture/entity-mask'
import type { ActorSource } from './context/actor'
import { type ContextNode, contextExtra, contextField, contextNode } from './context/context'
import { foundSoon, type Present, presentIn } from './context/jobs/present'
import { type Organisation, OrganisationFinder } from './context/organisation'
import { type ReadPart, whoNow } from './context/who'
import { type BuiltEvent, buildEvent } from './event/build'
import { copyOwn } from './event/copy-own'
import type { Action, Actor, Instance, Outcome } from './event/event'
import type { RawChanges } from './event/mask'
import { Masking } from './event/masking'
import { putAll } from './event/put'
import { closeLine, isoDate, newEventId, openLine } from './event/serialise'
import { callStack } from './event/stack'
import { pushInSlices } from './push-in-slices'
import type { EventLine, EventQueue } from './queue/queue'
import { problemOf, Reports } from './report'
import { EventFilter } from './switches/filter'
import { traceOf } from './telemetry/active-span'

/**
 * What a capture path knows of one thing that happened; the recorder adds id, date, actor, request, entry point and
 * stack. Values may be raw (dates, buffers, circular …): they are read at once and never kept.
 */
export interface Observation {
  action: Action
  date?: Date | undefined
  outcome?: Outcome | undefined
  reason?: string | undefined
  /** The application's user object. Overrides the context's; `null` says that there is none. */
  user?: unknown
  /** Ready-made fields of the actor (failed logins), merged over what is known of the user. */
  actor?: Actor | undefined
  /** The application's user object. Overrides the context's impersonator; `null` says that there is none. */
  impersonator?: unknown
  instance?: Instance | undefined
  changes?: RawChanges | undefined
  content?: Record<string, unknown> | undefined
  /** Makes the event's coverage partial, and says why. */
  coverageReason?: string | undefined
  /** Paths that the caller has masked. */
  masked?: readonly string[] | undefined
  /** The raw values that the caller has masked (`maskChanges` gives them): they are replaced in every other field. */
  secrets?: readonly string[] | undefined
}

/** An event whose line is written but for the organisation, if it must be loaded, and its place in the transaction. */
export interface CapturedEvent {
  readonly id: string
}

export interface Recorder {
  /** Synchronous; never throws: what cannot be recorded is left out, and the event says so. */
  capture(observation: Observation): CapturedEvent
  /**
   * Pushes the events in one call, numbered from 1 within the transaction if there is one. Never throws, never waits.
   * Call it after the outermost COMMIT took effect: organisations are loaded from here on.
   */
  deliver(events: readonly CapturedEvent[], transactionId?: string): void
  /** Resolves when all that was delivered so far is on the pending list, or was dropped and counted. */
  flush(): Promise<void>
  /** Why `events` more events could not all be accepted now, one unless given; undefined when they could. */
  refusal(events?: number): AuditError | undefined
}

export interface RecorderOptions {
  settings: Settings
  queue: EventQueue
  /** Those attached now: entities of theirs are known by their metadata. */
  dataSources: () => Iterable<DataSource>
  reports?: Reports | undefined
  /** Milliseconds since 1970. */
  clock?: (() => number) | undefined
  /** How long an organisation may take to load. */
  loadingMs?: number | undefined
}

interface Captured extends CapturedEvent {
  readonly built: BuiltEvent
  organisation: Organisation
}

/** In the place of an event that the settings leave out. */
const LEFT_OUT: CapturedEvent = Object.freeze({ id: '' })

/** Turns observations into event lines and hands them to the queue. */
export class EventRecorder implements Recorder {
  readonly #settings: Settings
  readonly #queue: EventQueue
  readonly #reports: Reports
  readonly #clock: () => number
  readonly #masking: Masking
  readonly #source: ActorSource
  readonly #organisations: OrganisationFinder
  readonly #filter: EventFilter
  readonly #waiting = new Set<Promise<void>>()

  constructor({ settings, queue, dataSources, reports, clock = Date.now, loadingMs }: RecorderOptions) {
    this.#settings = settings
    this.#queue = queue
    this.#reports = reports ?? new Reports(settings.logger)
    this.#clock = clock
    this.#masking = new Masking({ ...settings, maskEntity: entityMasks(dataSources) })
    this.#source = {
      settings,
      dataSources: { [Symbol.iterator]: () => dataSources()[Symbol.iterator]() },
      reports: this.#reports,
    }
    this.#organisations = new OrganisationFinder(this.#source, loadingMs)
    this.#filter = new EventFilter(settings, this.#reports)
  }

  capture(observation: Observation): CapturedEvent {
    const verdict = this.#filter.ask(observation)
    if (!verdict.record) return LEFT_OUT
    const id = newEventId()
    const coverage: string[] = observation.coverageReason === undefined ? [] : [observation.coverageReason]
    const date = this.#date(observation.date, coverage)
    try {
      const context = contextNode()
      const part = <T>(name: string, read: () => T) => this.#part(name, coverage, read)
      const { user, actor, request, entryPoint } = whoNow(observation, context, this.#source, part)
      const organisation = this.#organisation(user, actor, context, part)
      const built = buildEvent(
        {
          id,
          date,
          action: observation.action,
          outcome: observation.outcome,
          reason: observation.reason,
          user: actor,
          instance: observation.instance,
          changes: observation.changes,
          content: contentOf(sampled(observation, verdict.rate), context && part('extra', () => contextExtra(context))),
          request,
          entryPoint,
          trace: part('traceId', () => traceOf(context && contextField(context, 'traceId'))),
          stack: this.#settings.stack ? callStack() : undefined,
          coverage,
          masked: observation.masked,
          secrets: observation.secrets,
        },
        this.#masking,
      )
      for (const path of built.unreadable) this.#reports.report('AUDIT_VALUE_UNREADABLE', { path })
      for (const path of built.unkeyed) this.#reports.report('AUDIT_MASK_KEY_MISSING', { path }, path)
      const captured: Captured = { id, built, organisation }
      return captured
    } catch (error) {
      return this.#salvage(id, date, observation, error)
    }
  }

  deliver(events: readonly CapturedEvent[], transactionId?: string): void {
    const kept = events.includes(LEFT_OUT) ? events.filter((event) => event !== LEFT_OUT) : events
    if (kept.length === 0) return
    try {
      const captured = kept as readonly Captured[]
      const asked = captured.map(({ organisation }) =>
        typeof organisation === 'function' ? organisation() : organisation,
      )
      if (!asked.some((one) => one instanceof Promise)) {
        this.#push(captured.map((event, index) => finish(event, asked[index] as Actor, index, transactionId)))
        return
      }
      const delivery = Promise.all(asked).then((known) => {
        this.#push(captured.map((event, index) => finish(event, known[index], index, transactionId)))
      })
      this.#wait(delivery.catch((error: unknown) => this.#lost(kept.length, error)))
    } catch (error) {
      this.#lost(kept.length, error)
    }
  }

  /**
   * What an event made now would tell of who, on whose behalf and from where; a promise only where the organisation
   * must be loaded. Undefined outside of any context.
   */
  present(): Present | Promise<Present> | undefined {
    if (contextNode() === undefined) return undefined
    const captured = this.capture({ action: 'AUDIT_PRESENT' }) as Captured
    const asked = typeof captured.organisation === 'function' ? captured.organisation() : captured.organisation
    const read = (known: Actor) => presentIn(finish(captured, known, 0))
    return asked instanceof Promise ? foundSoon(asked).then(read) : read(asked)
  }

  async flush(): Promise<void> {
    await this.settle()
    await this.#queue.flush()
  }

  refusal(events?: number): AuditError | undefined {
    return this.#queue.refusal?.(events)
  }

  /** Resolves when no delivery waits for an organisation any more. */
  async settle(): Promise<void> {
    while (this.#waiting.size > 0) await Promise.all(this.#waiting)
  }

  #push(lines: readonly EventLine[]): void {
    const rest = pushInSlices(this.#queue, lines, this.#settings)
    if (rest !== undefined) this.#wait(rest.catch((error: unknown) => this.#lost(lines.length, error)))
  }

  #wait(delivery: Promise<void>): void {
    const waiting = delivery.finally(() => this.#waiting.delete(waiting))
    this.#waiting.add(waiting)
  }

  #lost(count: number, error: unknown): void {
    this.#reports.report('AUDIT_DELIVERY_FAILED', { count, problem: problemOf(error) })
  }

  #date(given: Date | undefined, coverage: string[]): string {
    if (given === undefined) return isoDate(this.#clock())
    const ms = given instanceof Date ? given.getTime() : Number.NaN
    if (!Number.isNaN(ms)) return isoDate(ms)
    coverage.push('the date given is not valid, the time of the call stands in its place')
    return isoDate(this.#clock())
  }

  /** What the context says wins over what the actor resolver said, and that over the path. */
  #organisation(
    user: unknown,
    actor: Actor | undefined,
    context: ContextNode | undefined,
    part: ReadPart,
  ): Organisation {
    const known = actor?.organisation !== undefined || actor?.organisation_id !== undefined
    const given = part('organisation', () => ({ value: context && contextField(context, 'organisation') }))
    // Unreadable: the path might lead to another organisation than the one the application meant.
    if (given === undefined) return {}
    return known && given.value === undefined ? {} : this.#organisations.find(user, context)
  }

  /** One part of the event; if the application's objects throw, the event goes without it and says so. */
  #part<T>(name: string, coverage: string[], read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      const known = error instanceof AuditError ? error.details.problem : undefined
      const problem = `${name}: ${typeof known === 'string' ? known : problemOf(error)}`
      coverage.push(problem)
      if (error instanceof AuditError) this.#reports.report(error.code, error.details, name)
      else this.#reports.report('AUDIT_CAPTURE_FAILED', { problem }, name)
      return undefined
    }
  }

  /** The least that can be said: what happened, and that the rest could not be recorded. */
  #salvage(id: string, date: string, { action }: Observation, error: unknown): Captured {
    const problem = problemOf(error)
    this.#reports.report('AUDIT_CAPTURE_FAILED', { problem }, 'event')
    const coverage_reason = `the event could not be built: ${problem}`
    const line = openLine({ id, date, action: String(action), coverage: 'partial', coverage_reason })
    return { id, built: { close: () => closeLine(line), unreadable: [], unkeyed: [] }, organisation: {} }
  }
}

/** A reader can only count what a sampled event stands for when the event says so. */
function sampled(observation: Observation, rate: number | undefined): Observation {
  if (rate === undefined) return observation
  return { ...observation, content: { ...observation.content, sample_rate: rate } }
}

/** The event's own content wins over the context's extra. */
function contentOf({ content }: Observation, extra: Record<string, unknown> | undefined) {
  if (extra === undefined || content === undefined) return content ?? extra
  return putAll(copyOwn(extra), copyOwn(content))
}

function finish(event: Captured, organisation: Actor | undefined, index: number, transactionId?: string): EventLine {
  const transaction = transactionId === undefined ? undefined : { id: transactionId, n: index + 1 }
  return event.built.close(organisation, transaction)
}
