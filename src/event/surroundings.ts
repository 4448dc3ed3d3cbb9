import type { SpanIds } from '../telemetry/active-span'
import { fieldsOf } from './build-actor'
import type { Actor, EntryPoint, JsonValue } from './event'
import type { EventSecrets } from './event-secrets'
import type { Masking } from './masking'
import { quoted } from './serialise'
import { Walk } from './values'

/** What is known of who caused an event, and from where: values are still the application's own objects. */
export interface RawSurroundings {
  user?: Actor | undefined
  content?: Record<string, unknown> | undefined
  request?: Record<string, unknown> | undefined
  entryPoint?: EntryPoint | undefined
  trace?: SpanIds | undefined
  stack?: string[] | undefined
}

/** The parts of a line that are not the event's own: the same for all events of one statement, with the values of that moment. */
export class Surroundings {
  /** Of the actor, when its organisation is known. */
  readonly user: Actor | undefined
  /** The fields that stand behind `changes`, each with the comma before it. */
  readonly middle: string
  /** Those that stand behind `truncated`. */
  readonly end: string
  /** Paths of what an event has masked in them. */
  readonly masked: readonly string[]

  constructor(user: Actor | undefined, middle: string, end: string, masked: readonly string[] = []) {
    this.user = user
    this.middle = middle
    this.end = end
    this.masked = masked
  }

  /** @param walk notes what is masked, cut and unreadable in them */
  static read(raw: RawSurroundings, walk: Walk, masking: Masking): Surroundings {
    if (isEmpty(raw)) return NOTHING
    const { root } = masking
    const field = (name: Looked, value: unknown) => {
      const state = root?.step(name)
      return fieldText(walk, name, (of) => of.treat(name, value, state?.treatment, state))
    }
    let middle = ''
    if (raw.content !== undefined) middle += field('content', raw.content)
    if (raw.request !== undefined) middle += field('request', raw.request)
    if (raw.entryPoint !== undefined) middle += `,"entry_point":${quoted(raw.entryPoint)}`
    if (raw.trace !== undefined) middle += `,"trace_id":${JSON.stringify(raw.trace.traceId)}`
    if (raw.trace?.spanId !== undefined) middle += `,"span_id":${JSON.stringify(raw.trace.spanId)}`
    const end = raw.stack === undefined ? '' : field('stack', raw.stack)
    // Keys and type names stay as they are, or an event could no longer be told whose it is, unless a rule names the key.
    const user = raw.user && fieldsOf(walk, 'user', raw.user, root?.step('user'), masking)
    return new Surroundings(user, middle, end)
  }

  /** For several events. Undefined when there is more to say of them than their texts: then each has to read them. */
  static of(raw: RawSurroundings, masking: Masking): Surroundings | undefined {
    const walk = new Walk({ masking })
    const made = Surroundings.read(raw, walk, masking)
    const { secrets, masked, truncated, unreadable, unkeyed } = walk
    const told = [masked, truncated, unreadable, unkeyed].some((paths) => paths.length > 0)
    return told || secrets.found.size > 0 || secrets.foundOfClient.size > 0 ? undefined : made
  }

  /** The same without the secrets of one event. They are masked by the rules already. */
  without(secrets: EventSecrets): Surroundings {
    const walk = new Walk({ secrets })
    const replaced = (text: string) => {
      const fields = JSON.parse(`{${text.slice(1)}}`) as Record<string, JsonValue>
      const shown = Object.entries(fields).map(([name, value]) =>
        isLooked(name) ? fieldText(walk, name, (of) => of.take(name, value)) : `,"${name}":${JSON.stringify(value)}`,
      )
      return shown.join('')
    }
    const middle = replaced(this.middle)
    const end = replaced(this.end)
    return new Surroundings(this.user && fieldsOf(walk, 'user', this.user, undefined), middle, end, walk.masked)
  }
}

/** Of an event outside of any context. */
const NOTHING = new Surroundings(undefined, '', '')

function isEmpty({ user, content, request, entryPoint, trace, stack }: RawSurroundings): boolean {
  const known = user ?? content ?? request ?? entryPoint ?? trace ?? stack
  return known === undefined
}

/** The fields in which the secrets of an event are looked for. */
const LOOKED = ['content', 'request', 'stack'] as const
type Looked = (typeof LOOKED)[number]

function isLooked(name: string): name is Looked {
  return (LOOKED as readonly string[]).includes(name)
}

function fieldText(walk: Walk, name: Looked, read: (walk: Walk) => JsonValue | undefined): string {
  walk.secrets.area = name === 'content' ? 'data' : 'client'
  const json = read(walk)
  walk.secrets.area = 'data'
  return json === undefined ? '' : `,"${name}":${JSON.stringify(json)}`
}
