import type { DataSource } from 'typeorm'
import { AuditError } from '../config/errors'
import type { Settings } from '../config/settings'
import { entityMasks } from './capture/entity-mask'
import { type Captured, captured, closed, LEFT_OUT, SoonCaptured } from './captured'
import type { ActorSource } from './context/actor'
import { type ContextNode, contextExtra, contextField, contextNode } from './context/context'
import { foundSoon, type Present, presentIn } from './context/jobs/present'
import { type Organisation, OrganisationFinder } from './context/organisation'
import { type Claimed, type ReadPart, whoNow } from './context/who'
import { Delivery } from './delivery'
import { type BuiltEvent, buildEvent, type RawEvent } from './event/build'
import { copyOwn } from './event/copy-own'
import type { Actor } from './event/event'
import { Masking } from './event/masking'
import { putAll } from './event/put'
import { closeLine, isoDate, newEventId, openLine } from './event/serialise'
import { callStack } from './event/stack'
import { type RawSurroundings, Surroundings } from './event/surroundings'
import type { EventQueue } from './queue/queue'
import type { CapturedEvent, Moment, Observation, Observe, Recorder } from './recorder'
import { problemOf, Reports } from './report'
import { EventFilter } from './switches/filter'
import { isSuspended } from './switches/suspension'
import { traceOf } from './telemetry/active-span'

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

/** What both ways of capturing know of an event. */
type Given = Pick<RawEvent, 'id' | 'date' | 'around' | keyof RawSurroundings> & { readonly coverage: string[] }

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
  readonly #delivery: Delivery

  constructor({ settings, queue, dataSources, reports, clock = Date.now, loadingMs }: RecorderOptions) {
    this.#settings = settings
    this.#queue = queue
    this.#reports = reports ?? new Reports(settings.logger)
    this.#delivery = new Delivery(queue, settings, this.#reports)
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
      const { organisation, raw } = this.#now(observation, (name, read) => this.#part(name, coverage, read))
      const content = contentOf(sampled(observation, verdict.rate), raw.content)
      return captured(id, organisation, this.#built(observation, { id, date, coverage, ...raw, content }))
    } catch (error) {
      return this.#salvage(id, date, observation, error)
    }
  }

  moment(): Moment | undefined {
    if (this.#settings.strict || !this.#filter.keepsChanges || isSuspended(this)) return undefined
    let whole = true
    // What fails is not said here: it fails again in each event, and is said there.
    const part: ReadPart = (_, read) => {
      try {
        return read()
      } catch {
        whole = false
        return undefined
      }
    }
    try {
      const { organisation, raw } = this.#now({}, part)
      const around = Surroundings.of(raw, this.#masking)
      return whole && around !== undefined ? { around, organisation } : undefined
    } catch {
      return undefined
    }
  }

  captureSoon<T>(moment: Moment, observe: Observe<T>): (given: T, now: boolean) => CapturedEvent {
    const read = (given: T, id: string, at: number): BuiltEvent | undefined => {
      const observation = observe(given, new Date(at))
      if (observation === undefined) return undefined
      const date = isoDate(at)
      const coverage = observation.coverageReason === undefined ? [] : [observation.coverageReason]
      try {
        return this.#built(observation, { id, date, coverage, around: moment.around })
      } catch (error) {
        return this.#salvage(id, date, observation, error).build()
      }
    }
    const source = { moment, read }
    return (given, now) => {
      const event = new SoonCaptured(source, given, this.#clock())
      if (now) event.build()
      return event
    }
  }

  #built({ action, outcome, reason, instance, changes, masked, secrets }: Observation, given: Given): BuiltEvent {
    const built = buildEvent({ action, outcome, reason, instance, changes, masked, secrets, ...given }, this.#masking)
    for (const path of built.unreadable) this.#reports.report('AUDIT_VALUE_UNREADABLE', { path })
    for (const path of built.unkeyed) this.#reports.report('AUDIT_MASK_KEY_MISSING', { path }, path)
    return built
  }

  /** What the context says at this moment; an observation's own user counts before it. */
  #now(claimed: Claimed, part: ReadPart): { organisation: Organisation; raw: RawSurroundings } {
    const context = contextNode()
    const { user, actor, request, entryPoint } = whoNow(claimed, context, this.#source, part)
    const organisation = this.#organisation(user, actor, context, part)
    const content = context && part('extra', () => contextExtra(context))
    const trace = part('traceId', () => traceOf(context && contextField(context, 'traceId')))
    const stack = this.#settings.stack ? callStack() : undefined
    return { organisation, raw: { user: actor, content, request, entryPoint, trace, stack } }
  }

  /**
   * What an event made now would tell of who, on whose behalf and from where; a promise only where the organisation
   * must be loaded. Undefined outside of any context.
   */
  present(): Present | Promise<Present> | undefined {
    if (contextNode() === undefined) return undefined
    const event = this.capture({ action: 'AUDIT_PRESENT' }) as Captured
    const built = event.build()
    if (built === undefined) return undefined
    const asked = typeof event.organisation === 'function' ? event.organisation() : event.organisation
    const read = (known: Actor) => presentIn(closed(built, known, 0))
    return asked instanceof Promise ? foundSoon(asked).then(read) : read(asked)
  }

  deliver(events: readonly CapturedEvent[], transactionId?: string): void {
    this.#delivery.deliver(events, transactionId)
  }

  async flush(): Promise<void> {
    await this.settle()
    await this.#queue.flush()
  }

  /** Resolves when no delivery waits for an organisation any more. */
  settle(): Promise<void> {
    return this.#delivery.settle()
  }

  refusal(events?: number): AuditError | undefined {
    return this.#queue.refusal?.(events)
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
    return captured(id, {}, { close: () => closeLine(line), unreadable: [], unkeyed: [] })
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
