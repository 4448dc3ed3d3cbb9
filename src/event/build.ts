import type { EventLine } from '../queue/queue'
import { fieldsOf } from './build-actor'
import { changesOf, wellFormed } from './build-changes'
import type { Action, Actor, Instance, JsonValue, Outcome } from './event'
import { EventSecrets } from './event-secrets'
import type { RawChanges } from './mask'
import type { PathState } from './mask-path'
import { KnownSecrets } from './mask-text'
import { DEFAULT_MASKING, type Masking } from './masking'
import { closeLine, type OpenEvent, type OpenLine, openLine } from './serialise'
import { type RawSurroundings, Surroundings } from './surroundings'
import { Walk } from './values'

/** An event whose values are still the application's own objects. */
export interface RawEvent extends RawSurroundings {
  id: string
  date: string
  action: Action
  outcome?: Outcome | undefined
  reason?: string | undefined
  instance?: Instance | undefined
  changes?: RawChanges | undefined
  /** In the place of the fields that it has made ready. */
  around?: Surroundings | undefined
  coverage: readonly string[]
  /** Paths that are masked already. */
  masked?: readonly string[] | undefined
  /** Raw values that must not appear anywhere. */
  secrets?: readonly string[] | undefined
}

/** An event whose line is written but for what is only known when it is delivered. */
export interface BuiltEvent {
  /** The whole line. The organisation, if it had to be loaded, is masked here. */
  close(organisation?: Actor, transaction?: { id: string; n: number }): EventLine
  /** Paths of what could not be read. */
  readonly unreadable: readonly string[]
  /** Paths of what was to be hashed, but is `***` because there is no key. */
  readonly unkeyed: readonly string[]
}

/** Makes JSON of everything but `user`, once, and masks what is secret, wherever it stands. */
export function buildEvent(raw: RawEvent, masking: Masking = DEFAULT_MASKING): BuiltEvent {
  try {
    return build(raw, masking, true)
  } catch {
    // An object that reads differently each time passed the walk and then failed in JSON.stringify. Copied, it cannot;
    // what still throws is the recorder's to report.
    return build(raw, masking, false)
  }
}

function build(raw: RawEvent, masking: Masking, share: boolean): BuiltEvent {
  const first = new Pass(raw, masking, new Walk({ share, masking }))
  const { found, foundOfClient } = first.secrets
  if (found.size === 0 && foundOfClient.size === 0) return first.built()
  // Masked values are looked for in other fields as well: only if one may be there, all is read again, knowing them.
  const known = new KnownSecrets(found)
  const knownOfClient = foundOfClient.size === 0 ? known : new KnownSecrets([...found, ...foundOfClient])
  if (!knownOfClient.mayBeIn(first.text)) return first.built(known)
  const secrets = new EventSecrets(known, knownOfClient)
  const around = raw.around?.without(secrets)
  return new Pass({ ...raw, around }, masking, new Walk({ share, masking, secrets })).built(known)
}

const NONE: readonly string[] = Object.freeze([])

/** What stays of a reading: until its transaction ends an event is held in memory, and a large write makes very many. */
class Built implements BuiltEvent {
  readonly unreadable: readonly string[]
  readonly unkeyed: readonly string[]
  readonly #line: OpenLine
  readonly #user: Actor | undefined
  readonly #masked: readonly string[]
  readonly #masking: Masking
  readonly #known: KnownSecrets | undefined

  constructor(line: OpenLine, user: Actor | undefined, walk: Walk, masking: Masking, known: KnownSecrets | undefined) {
    const { unreadable, unkeyed, masked } = walk
    this.unreadable = unreadable.length > 0 ? unreadable : NONE
    this.unkeyed = unkeyed.length > 0 ? unkeyed : NONE
    this.#line = line
    this.#user = user
    this.#masked = masked.length > 0 ? masked : NONE
    this.#masking = masking
    this.#known = known
  }

  close(organisation?: Actor, transaction?: { id: string; n: number }): EventLine {
    const loaded = organisation?.organisation !== undefined || organisation?.organisation_id !== undefined
    if (!loaded) return closeLine(this.#line, this.#user, transaction, this.#masked)
    const walk = new Walk({ masking: this.#masking, secrets: new EventSecrets(this.#known) })
    const fields = fieldsOf(walk, 'user', organisation, this.#masking.root?.step('user'))
    return closeLine(this.#line, { ...this.#user, ...fields }, transaction, [...this.#masked, ...walk.masked])
  }
}

/** One reading of the raw event. */
class Pass {
  readonly #walk: Walk
  readonly #masking: Masking
  readonly #line: OpenLine
  readonly #user: Actor | undefined

  constructor(raw: RawEvent, masking: Masking, walk: Walk) {
    for (const secret of raw.secrets ?? []) walk.secrets.add(secret)
    this.#walk = walk
    this.#masking = masking
    const event = this.#readOwn(raw)
    const around = raw.around ?? Surroundings.read(raw, walk, masking)
    walk.masked.push(...around.masked)
    this.#readNotes(raw, event)
    this.#user = around.user
    this.#line = openLine(event, around)
  }

  get secrets(): EventSecrets {
    return this.#walk.secrets
  }

  /** All that is written so far. */
  get text(): string {
    return this.#user === undefined ? this.#line : this.#line + JSON.stringify(this.#user)
  }

  /** @param known for what is added on delivery */
  built(known?: KnownSecrets): BuiltEvent {
    return new Built(this.#line, this.#user, this.#walk, this.#masking, known)
  }

  #readOwn(raw: RawEvent): OpenEvent {
    const walk = this.#walk
    const { root } = this.#masking
    const event: OpenEvent = { id: raw.id, date: raw.date, action: String(raw.action).toWellFormed() }
    if (raw.masked !== undefined) walk.masked.push(...raw.masked)
    if (raw.outcome !== undefined) event.outcome = raw.outcome
    const reason = this.#field('reason', raw.reason, root?.step('reason'))
    if (reason !== undefined) event.reason = reason as string
    if (raw.instance !== undefined) event.instance = this.#instance(raw.instance, root?.step('instance'))
    if (raw.changes !== undefined) event.changes = changesOf(walk, raw.changes, root?.step('changes'), this.#masking)
    return event
  }

  /** What could not be read, or was cut, in the event and around it. */
  #readNotes(raw: RawEvent, event: OpenEvent): void {
    const walk = this.#walk
    const { root } = this.#masking
    const why = [...raw.coverage, ...walk.unreadable.map((path) => `${path} could not be read`)]
    if (why.length > 0) {
      event.coverage = 'partial'
      const text = this.#field('coverage_reason', why.join('; '), root?.step('coverage_reason'))
      if (text !== undefined) event.coverage_reason = text as string
    }
    if (walk.truncated.length > 0) event.truncated = walk.truncated
  }

  /** A field of the event itself: only rules that name its place count, not those for names inside of it. */
  #field(name: string, value: unknown, state: PathState | undefined): JsonValue | undefined {
    if (value === undefined) return undefined
    this.#walk.secrets.area = 'client'
    const json = this.#walk.treat(name, value, state?.treatment, state)
    this.#walk.secrets.area = 'data'
    return json
  }

  /** Of one shape, whatever is known: what is undefined is not written. */
  #instance({ model, table, pk, name, fields, timestamp }: Instance, state: PathState | undefined): Instance {
    const walk = this.#walk
    const treatment = pk === undefined ? undefined : this.#masking.ofKey('instance.pk')
    const copy = {
      model: wellFormed(model),
      table: table === undefined ? undefined : wellFormed(table),
      pk: treatment === undefined ? pk && wellFormed(pk) : walk.treat('instance.pk', pk, treatment),
      name: name === undefined ? undefined : walk.field('instance', 'name', name, state),
      fields: fields.map((field) => walk.fieldName(field)),
      timestamp,
    }
    return copy as Instance
  }
}
