import type { Settings } from '../../config/settings'
import type { QueueKeys } from './keys'
import { LineBuffer } from './line-buffer'
import { Missing } from './missing'
import { Push } from './push'
import type { EventLine } from './queue'
import type { Report } from './rare-report'
import { Spill } from './spill'
import type { Guard } from './spill-record'

/** Managed serverless Redis limits a request to 3,999 arguments; a request this small also never blocks Redis for long. */
const MOST_PER_PUSH = 1_000
const BYTES_PER_PUSH = 8 * 1024 * 1024
/** What a capture may spend on writing when it finds the buffer full: about a millisecond. */
const BYTES_PER_WRITE = 256 * 1024

type BacklogSettings = Pick<Settings, 'prefix' | 'bufferEvents' | 'bufferBytes' | 'spillDirectory' | 'spillBytes'>

/** Where the lines of a push come from, and where they go. */
export interface PushTarget {
  readonly shards: readonly QueueKeys[]
  readonly guardOf: (keys: QueueKeys) => Guard
}

/**
 * What waits for Redis, in this order: the push under way, the spill files, the buffer. When the buffer is full, its
 * oldest lines are written to the end of the files, in batches; when that is not possible either, the newest are
 * refused, and one event tells of them later.
 */
export class Backlog {
  readonly #buffer: LineBuffer
  readonly #spill: Spill | undefined
  readonly #missing = new Missing()
  readonly #report: Report
  readonly #directory: string
  accepted = 0
  lost = 0
  spilled = 0
  adopted = 0

  constructor(settings: BacklogSettings, report: Report) {
    const { prefix, bufferEvents, bufferBytes, spillDirectory: directory, spillBytes: bytes } = settings
    this.#buffer = new LineBuffer({ events: bufferEvents, bytes: bufferBytes })
    this.#report = report
    this.#directory = directory ?? ''
    if (directory !== undefined) this.#spill = new Spill({ directory, prefix, bytes, report })
  }

  /** Lines of this process that are not in Redis. */
  get waiting(): number {
    return this.#buffer.held + (this.#spill?.waiting ?? 0)
  }

  /** Lines leave in the order in which they came, so that this number says which have. */
  get left(): number {
    return this.accepted - this.waiting
  }

  get isEmpty(): boolean {
    return this.#buffer.length === 0 && (this.#spill?.isEmpty ?? true)
  }

  /** True when there is enough for a full push. */
  get isUrgent(): boolean {
    return this.#buffer.length >= MOST_PER_PUSH || this.#spill?.isEmpty === false
  }

  /** False when there is no room for it. */
  accept(line: EventLine): boolean {
    const taken = this.#buffer.add(line) || (this.makeRoom(1) && this.#buffer.add(line)) || this.#writeNewest(line)
    if (taken) this.accepted += 1
    else this.#missing.add(1)
    return taken
  }

  /** True when `events` more can be accepted; writes the oldest down if need be. */
  makeRoom(events: number): boolean {
    while (!this.#buffer.hasRoomFor(events)) {
      if (this.#buffer.length === 0) return this.#spill?.canWrite ?? false
      if (!this.#writeOldest()) return false
      this.#report('warn', 'AUDIT_SPILLING', { directory: this.#directory })
    }
    return true
  }

  /** One event for all that had no room. */
  tellMissing(): void {
    const line = this.#missing.takeLine()
    if (line === undefined) return
    this.#buffer.addAnyway(line)
    this.accepted += 1
  }

  /** Undefined when nothing waits. @throws when a spill file cannot be read now */
  next({ shards, guardOf }: PushTarget): Push | undefined {
    const spilled = this.#spill?.next(MOST_PER_PUSH)
    this.#countLost()
    if (spilled !== undefined) return Push.ofSpilled(spilled, shards)
    // Not before there is room again for more than the next few: else one gap would be told of in many pieces.
    if (this.#buffer.relaxed) this.tellMissing()
    if (this.#buffer.length === 0) return undefined
    return Push.ofLines(this.#buffer.take(MOST_PER_PUSH, BYTES_PER_PUSH), shards, guardOf)
  }

  /** The push has taken effect. */
  settle({ spilled, count }: Push): void {
    if (spilled === undefined) {
      this.#buffer.settle()
      return
    }
    this.#spill?.settle(spilled)
    if (spilled.set.isAdopted) this.adopted += count
    this.#countLost()
  }

  /** Writes down what is left in memory, the push under way first, or counts it as lost. Says how many lines are where. */
  leave(push: Push | undefined): { spilled: number; lost: number } {
    const lostBefore = this.lost
    const rest = push === undefined || push.spilled !== undefined ? [] : push.rest()
    for (const { lines, unless } of rest) {
      if (this.#spill?.writeFirst(lines, unless)) this.spilled += lines.length
      else this.lost += lines.length
    }
    this.#buffer.settle()
    while (this.#buffer.length > 0 && this.#writeOldest());
    this.lost += this.#buffer.length
    this.#buffer.remove(this.#buffer.length)
    this.#spill?.leave()
    return { spilled: this.#spill?.waiting ?? 0, lost: this.lost - lostBefore }
  }

  /** Looks for what dead processes left behind. */
  async scan(): Promise<void> {
    await this.#spill?.scan()
  }

  async close(): Promise<void> {
    await this.#spill?.close()
  }

  #writeOldest(): boolean {
    if (this.#spill === undefined || !this.#spill.canWrite) return false
    // Half of the room, because what is written is longer than the line.
    const lines = this.#buffer.oldest(MOST_PER_PUSH, Math.min(BYTES_PER_WRITE, this.#spill.room / 2))
    if (!this.#spill.write(lines)) return false
    this.#buffer.remove(lines.length)
    this.spilled += lines.length
    return true
  }

  /** With nothing in memory but a push under way, the line itself is the next in order for the file. */
  #writeNewest(line: EventLine): boolean {
    if (this.#buffer.length > 0 || !this.#spill?.write([line])) return false
    this.spilled += 1
    return true
  }

  #countLost(): void {
    const lost = this.#spill?.takeLost() ?? 0
    if (lost === 0) return
    this.lost += lost
    this.#missing.add(lost)
  }
}
