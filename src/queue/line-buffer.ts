import type { EventLine } from './queue'

/** What an application may hold in memory while Redis cannot be reached: the stated bound of DESIGN.md's promise 5. */
export interface BufferLimits {
  readonly events: number
  /** UTF-16 code units counted as two: what the strings may occupy in memory. */
  readonly bytes: number
}

/**
 * Lines waiting to be pushed, oldest first, bounded in number and in bytes. Those taken for the push under way still
 * count until they are settled.
 */
export class LineBuffer {
  readonly #limits: BufferLimits
  #lines: EventLine[] = []
  #head = 0
  #bytes = 0
  #inPush: readonly EventLine[] = []

  constructor(limits: BufferLimits) {
    this.#limits = limits
  }

  /** How many wait, those of the push under way not counted. */
  get length(): number {
    return this.#lines.length - this.#head
  }

  /** How many there are, those of the push under way included. */
  get held(): number {
    return this.length + this.#inPush.length
  }

  /** True when less than half of the bound is in use. */
  get relaxed(): boolean {
    return this.held * 2 <= this.#limits.events && this.#bytes * 2 <= this.#limits.bytes
  }

  /**
   * The bound in bytes is passed by at most one line: were it refused for its size, an event larger than the bound
   * could never be recorded at all, and nobody could be told beforehand whether the next one fits.
   */
  hasRoomFor(events: number): boolean {
    return this.held + events <= this.#limits.events && this.#bytes < this.#limits.bytes
  }

  /** False when the line does not fit any more. */
  add(line: EventLine): boolean {
    if (!this.hasRoomFor(1)) return false
    this.#lines.push(line)
    this.#bytes += sizeOf(line)
    return true
  }

  /** Above any bound, for the one line that says what had no room. */
  addAnyway(line: EventLine): void {
    this.#lines.push(line)
    this.#bytes += sizeOf(line)
  }

  /** The oldest that wait: at most so many, and so many bytes, but always one if there is any. */
  oldest(most: number, bytes: number): readonly EventLine[] {
    let end = this.#head
    const last = Math.min(this.#head + most, this.#lines.length)
    for (let size = 0; end < last; end += 1) {
      size += sizeOf(this.#lines[end] as EventLine)
      if (size > bytes && end > this.#head) break
    }
    return this.#lines.slice(this.#head, end)
  }

  /** Takes the oldest for a push; they count until `settle()`. */
  take(most: number, bytes: number): readonly EventLine[] {
    this.#inPush = this.oldest(most, bytes)
    this.#advance(this.#inPush.length)
    return this.#inPush
  }

  /** What was taken last has arrived, or is kept elsewhere. */
  settle(): void {
    this.#release(this.#inPush)
    this.#inPush = []
  }

  /** The oldest `count` are kept elsewhere. */
  remove(count: number): void {
    this.#release(this.#lines.slice(this.#head, this.#head + count))
    this.#advance(count)
  }

  #release(lines: readonly EventLine[]): void {
    for (const line of lines) this.#bytes -= sizeOf(line)
  }

  /** Under a steady load the buffer is never empty, and without cutting it off, what was pushed would never be freed. */
  #advance(count: number): void {
    this.#head += count
    if (this.#head === this.#lines.length) this.#lines = []
    else if (this.#head > this.#lines.length / 2) this.#lines = this.#lines.slice(this.#head)
    else return
    this.#head = 0
  }
}

function sizeOf(line: EventLine): number {
  return line.length * 2
}
