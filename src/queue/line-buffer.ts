import type { EventLine } from './queue'

/** What an application may hold in memory while Redis cannot be reached: the stated bound of DESIGN.md's promise 5. */
export const BUFFER_LIMITS = { events: 100_000, bytes: 64 * 1024 * 1024 } as const

/**
 * Lines waiting to be pushed, oldest first, bounded in number and in bytes (UTF-16 code units counted as two: what the
 * strings may occupy in memory). Those taken for the push under way still count until they are settled.
 */
export class LineBuffer {
  #lines: EventLine[] = []
  #head = 0
  #bytes = 0
  #inPush: readonly EventLine[] = []
  /** How many were ever taken out for a push. */
  taken = 0
  /** How many of those have arrived. */
  settled = 0

  get length(): number {
    return this.#lines.length - this.#head
  }

  /** False when the line does not fit any more. */
  add(line: EventLine): boolean {
    const waiting = this.length + this.#inPush.length
    const bytes = line.length * 2
    // One line larger than the whole bound is taken when it is alone: refused, it could never be recorded at all.
    const full = waiting >= BUFFER_LIMITS.events || this.#bytes + bytes > BUFFER_LIMITS.bytes
    if (full && waiting > 0) return false
    this.#lines.push(line)
    this.#bytes += bytes
    return true
  }

  take(most: number): readonly EventLine[] {
    const end = Math.min(this.#head + most, this.#lines.length)
    const whole = this.#head === 0 && end === this.#lines.length
    const lines = whole ? this.#lines : this.#lines.slice(this.#head, end)
    if (end === this.#lines.length) {
      this.#lines = []
      this.#head = 0
    } else {
      this.#head = end
      if (this.#head > this.#lines.length / 2) this.#compact()
    }
    this.#inPush = lines
    this.taken += lines.length
    return lines
  }

  /** Under a steady load the buffer is never empty, and without this the lines already pushed would never be freed. */
  #compact(): void {
    this.#lines = this.#lines.slice(this.#head)
    this.#head = 0
  }

  /** What was taken last has arrived. */
  settle(): void {
    for (const line of this.#inPush) this.#bytes -= line.length * 2
    this.settled += this.#inPush.length
    this.#inPush = []
  }

  /** Empties the buffer; returns how many lines had not arrived. */
  clear(): number {
    const left = this.length + this.#inPush.length
    this.#lines = []
    this.#head = 0
    this.#bytes = 0
    this.#inPush = []
    return left
  }
}
