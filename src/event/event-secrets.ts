import type { JsonValue } from './event'
import { collectSecrets, type KnownSecrets } from './mask-text'
import { queryAt } from './mask-url'

/**
 * Where in an event a walk is. What a client sends as a secret is looked for only in what it sent and in messages
 * (`client`): were it replaced in the data and the actor too, whoever adds `?token=<his address>` would not be seen in
 * the log. `fixed` is what nobody's secret may hide.
 */
export type Area = 'data' | 'client' | 'fixed'

const NONE: ReadonlySet<string> = new Set()

/** The raw values that one event masks: those found in this reading of it, and those known from an earlier one. */
export class EventSecrets {
  area: Area = 'data'
  /** Made when they are needed: most events have no secret, and a large write makes very many events. */
  #found: Set<string> | undefined
  #foundOfClient: Set<string> | undefined
  readonly #known: KnownSecrets | undefined
  readonly #knownOfClient: KnownSecrets | undefined

  constructor(known?: KnownSecrets, knownOfClient: KnownSecrets | undefined = known) {
    this.#known = known
    this.#knownOfClient = knownOfClient
  }

  get found(): ReadonlySet<string> {
    return this.#found ?? NONE
  }

  get foundOfClient(): ReadonlySet<string> {
    return this.#foundOfClient ?? NONE
  }

  add(raw: string): void {
    this.#set.add(raw)
  }

  collect(json: JsonValue): void {
    collectSecrets(json, this.#set)
  }

  /** Those that count here; undefined when nothing is to be replaced. */
  get known(): KnownSecrets | undefined {
    return this.area === 'data' ? this.#known : this.area === 'client' ? this.#knownOfClient : undefined
  }

  /** The text without those that are known. */
  replace(text: string): string {
    return this.known?.replace(text) ?? text
  }

  replaceInName(name: string): string {
    return this.known?.replaceInName(name) ?? name
  }

  /** A client must not hide which page it asked for by sending its address as a token. */
  replaceInUrl(url: string): string {
    if (this.#known === undefined && this.#knownOfClient === undefined) return url
    const query = queryAt(url)
    const path = query === -1 ? url : url.slice(0, query)
    return (this.#known?.replace(path) ?? path) + this.replace(url.slice(path.length))
  }

  get #set(): Set<string> {
    if (this.area === 'data') {
      this.#found ??= new Set()
      return this.#found
    }
    this.#foundOfClient ??= new Set()
    return this.#foundOfClient
  }
}
