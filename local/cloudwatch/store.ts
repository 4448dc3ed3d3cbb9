import { alreadyExists, notFound } from './errors'
import type { InputEvent } from './limits'

export interface StoredEvent extends InputEvent {
  readonly ingestionTime: number
  /** Counts up over the whole endpoint, in the order of arrival; breaks ties of equal timestamps. */
  readonly sequence: number
}

/** A stream: its events in the order of arrival, and in AWS's order when somebody reads. */
export class Stream {
  readonly name: string
  readonly creationTime: number
  readonly arrived: StoredEvent[] = []
  #inOrder: readonly StoredEvent[] | undefined

  constructor(name: string, creationTime: number) {
    this.name = name
    this.creationTime = creationTime
  }

  add(events: readonly StoredEvent[]): void {
    for (const event of events) this.arrived.push(event)
    this.#inOrder = undefined
  }

  /** By timestamp, then by arrival. Kept until the next put, because paging reads it again and again. */
  get inOrder(): readonly StoredEvent[] {
    this.#inOrder ??= [...this.arrived].sort((a, b) => a.timestamp - b.timestamp || a.sequence - b.sequence)
    return this.#inOrder
  }
}

export class Group {
  readonly name: string
  readonly creationTime: number
  readonly streams = new Map<string, Stream>()
  retentionDays: number | undefined

  constructor(name: string, creationTime: number) {
    this.name = name
    this.creationTime = creationTime
  }

  stream(name: string): Stream {
    const stream = this.streams.get(name)
    if (!stream) throw notFound('stream')
    return stream
  }
}

/** Everything the endpoint remembers. */
export class Store {
  readonly groups = new Map<string, Group>()
  readonly now: () => number
  #sequence = 0

  constructor(now: () => number) {
    this.now = now
  }

  group(name: string): Group {
    const group = this.groups.get(name)
    if (!group) throw notFound('group')
    return group
  }

  createGroup(name: string): void {
    if (this.groups.has(name)) throw alreadyExists('group')
    this.groups.set(name, new Group(name, this.now()))
  }

  createStream(groupName: string, name: string): void {
    const group = this.group(groupName)
    if (group.streams.has(name)) throw alreadyExists('stream')
    group.streams.set(name, new Stream(name, this.now()))
  }

  put(stream: Stream, events: readonly InputEvent[]): void {
    const ingestionTime = this.now()
    stream.add(events.map((event) => ({ ...event, ingestionTime, sequence: this.#sequence++ })))
  }
}
