import type { Settings } from '../config/settings'
import type { JsonObject } from './event/event'
import { lifecycleEvent, settingsChanges } from './event/lifecycle'
import type { EventQueue } from './queue/queue'

/** The settings that an application follows; those of the worker are told of by the worker. */
const FOLLOWED = [
  'models',
  'exclude',
  'userOrganisationField',
  'redis',
  'prefix',
  'shards',
  'enabled',
  'stack',
  'skipActions',
  'skip',
  'sampling',
  'events',
  'actorResolver',
  'lifecycleEvents',
  'bufferEvents',
  'bufferBytes',
  'spillDirectory',
  'spillBytes',
] as const

/** Puts on record that capture starts and stops, and that it follows other settings than the process before. */
export class Lifecycle {
  readonly #queue: EventQueue
  readonly #settings: Settings
  #state: 'new' | 'started' | 'stopped' = 'new'

  constructor(queue: EventQueue, settings: Settings) {
    this.#queue = queue
    this.#settings = settings
  }

  /** With the first data source or the first event, whichever comes first; later calls do nothing. */
  started(): void {
    if (this.#state !== 'new') return
    this.#state = 'started'
    if (this.#settings.spillDirectory !== undefined) this.#queue.open?.()
    if (!this.#settings.lifecycleEvents) return
    const shown = this.#shown()
    const settings = JSON.stringify(shown)
    this.#queue.noteSettings?.({
      settings,
      lineFor: (before) => lifecycleEvent('AUDIT_SETTINGS_CHANGED', 'capture', {}, settingsChanges(before, settings)),
    })
    this.#queue.push([lifecycleEvent('AUDIT_STARTED', 'capture', { settings: shown })])
  }

  /** When all that was captured is in the queue. */
  stopped(): void {
    const wasStarted = this.#state === 'started'
    this.#state = 'stopped'
    if (wasStarted && this.#settings.lifecycleEvents) {
      this.#queue.push([lifecycleEvent('AUDIT_STOPPED', 'capture', { settings: this.#shown() })])
    }
  }

  /** As the settings print themselves: without secrets. */
  #shown(): JsonObject {
    const printed = JSON.parse(JSON.stringify(this.#settings)) as JsonObject
    return Object.fromEntries(FOLLOWED.flatMap((name) => (name in printed ? [[name, printed[name] ?? null]] : [])))
  }
}
