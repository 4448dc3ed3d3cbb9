import type { Elements, Place } from '../src/queue/elements'
import type { Entry } from './entry'
import { PUT_LIMITS } from './limits'
import { idOfOwn } from './read-own'

/**
 * A whole event of a batch. Its texts are made when they are asked for, which is hardly ever: a batch that is stored
 * at once needs neither ids nor lines, and a thousand small texts that live as long as a call are what collecting
 * garbage takes its time for.
 */
export class ListEntry implements Entry {
  readonly index: number
  readonly timestamp: number
  readonly bytes: number
  readonly #elements: Elements
  readonly #named: { readonly id: string; readonly key: string } | undefined

  /** @param named unless it is an event that `readOwn` has found */
  constructor(elements: Elements, index: number, timestamp: number, named?: { id: string; key: string }) {
    this.index = index
    this.timestamp = timestamp
    this.bytes = elements.size(index) + PUT_LIMITS.perEvent
    this.#elements = elements
    this.#named = named
  }

  get id(): string {
    return this.#named?.id ?? idOfOwn(this.#elements.place(this.index))
  }

  get key(): string {
    return this.#named?.key ?? this.id
  }

  get line(): string {
    return this.#elements.text(this.index)
  }

  get plain(): Place | undefined {
    return this.#named === undefined ? this.#elements.place(this.index) : undefined
  }
}
