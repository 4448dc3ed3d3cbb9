import type { Organisation } from './context/organisation'
import type { BuiltEvent } from './event/build'
import type { Actor } from './event/event'
import { newEventId } from './event/serialise'
import type { EventLine } from './queue/queue'
import type { CapturedEvent, Moment } from './recorder'

/** What the recorder knows of an event that it has captured. */
export interface Captured extends CapturedEvent {
  readonly organisation: Organisation
  /** The event but for what only its delivery tells; undefined when there is nothing to tell. */
  build(): BuiltEvent | undefined
}

/** Where events of one statement come from. */
interface Source<T> {
  readonly moment: Moment
  readonly read: (given: T, id: string, at: number) => BuiltEvent | undefined
}

/** An event of which only the values were taken yet. A class, and small: a large write makes very many. */
export class SoonCaptured<T> implements Captured {
  readonly id = newEventId()
  readonly organisation: Organisation
  /** Until it is read, as what is given: it leads to the statement. */
  #source: Source<T> | undefined
  readonly #at: number
  /** Until it is read. */
  #given: T | undefined
  #built: BuiltEvent | undefined

  constructor(source: Source<T>, given: T, at: number) {
    this.#source = source
    this.organisation = source.moment.organisation
    this.#at = at
    this.#given = given
  }

  build(): BuiltEvent | undefined {
    if (this.#given === undefined) return this.#built
    const given = this.#given
    const source = this.#source
    this.#given = undefined
    this.#source = undefined
    this.#built = source?.read(given, this.id, this.#at)
    return this.#built
  }
}

/** In the place of an event that the settings leave out. */
export const LEFT_OUT: Captured = Object.freeze(captured('', {}))

export function captured(id: string, organisation: Organisation, built?: BuiltEvent): Captured {
  return { id, organisation, build: () => built }
}

/** The event's line. `index` counts from 0 within the transaction. */
export function closed(
  built: BuiltEvent,
  organisation: Actor | undefined,
  index: number,
  transactionId?: string,
): EventLine {
  const transaction = transactionId === undefined ? undefined : { id: transactionId, n: index + 1 }
  return built.close(organisation, transaction)
}
