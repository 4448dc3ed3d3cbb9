import type { Logger } from '../config/logger'
import type { WorkerSettings } from '../config/settings'
import type { JsonObject } from '../src/event/event'
import { lifecycleEvent, settingsChanges } from '../src/event/lifecycle'
import type { RedisClient } from '../src/queue/connection'
import { queueKeys } from '../src/queue/keys'
import { createQueue } from '../src/queue/producer'
import type { EventQueue } from '../src/queue/queue'
import { exchangeSettings } from '../src/queue/seen-settings'

/** The settings that a worker follows; those of capture are told of by capture. */
const FOLLOWED = [
  'region',
  'credentials',
  'groupName',
  'streamName',
  'endpoint',
  'retentionDays',
  'logInterval',
  'redis',
  'prefix',
  'shards',
  'flushThreshold',
  'healthPort',
  'healthHost',
  'worker',
] as const
const MOST_ATTEMPTS = 10

/** Puts on record that this worker starts and stops, and that it follows other settings than the worker before. */
export class Lifecycle {
  readonly #redis: RedisClient
  readonly #settings: WorkerSettings
  readonly #logger: Logger
  readonly #queue: EventQueue | undefined

  constructor(redis: RedisClient, settings: WorkerSettings, logger: Logger) {
    this.#redis = redis
    this.#settings = settings
    this.#logger = logger
    if (!settings.lifecycleEvents) return
    // What an application has spilled is the application's own business.
    const { spillDirectory: _spillDirectory, ...rest } = settings
    this.#queue = createQueue(rest)
  }

  /** Never throws and never waits for Redis: a worker must start above all when Redis is full. */
  started(): void {
    if (this.#queue === undefined) return
    this.#queue.push([lifecycleEvent('AUDIT_STARTED', 'worker', { settings: this.#shown() })])
    void this.#tellSettings().catch((err: unknown) =>
      this.#logger.warn({ err }, 'whether the settings have changed could not be found out'),
    )
  }

  /** The event waits on the pending list for the next worker; gives up after 5 s without Redis, and says so. */
  async stopped(): Promise<void> {
    this.#queue?.push([lifecycleEvent('AUDIT_STOPPED', 'worker', { settings: this.#shown() })])
    await this.#queue?.close()
  }

  /** On the list that every worker drains, however many shards there are: their number is a setting as well. */
  async #tellSettings(): Promise<void> {
    const { tag, pending } = queueKeys(this.#settings.prefix)
    const settings = JSON.stringify(this.#shown())
    const lineFor = (before: string) =>
      lifecycleEvent('AUDIT_SETTINGS_CHANGED', 'worker', {}, settingsChanges(before, settings))
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
      const outcome = await exchangeSettings(this.#redis, { tag: `${tag}:worker`, pending }, { settings, lineFor })
      if (outcome !== 'overtaken') return
    }
  }

  /** As the settings print themselves: without secrets. */
  #shown(): JsonObject {
    const printed = JSON.parse(JSON.stringify(this.#settings)) as JsonObject
    return Object.fromEntries(FOLLOWED.flatMap((name) => (name in printed ? [[name, printed[name] ?? null]] : [])))
  }
}
