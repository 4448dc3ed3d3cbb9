import type { Place } from '../src/queue/elements'
import type { Entry } from './entry'
import { areFourPlain } from './plain-bytes'

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Room for what is escaped: in an event of many short texts, a quarter is quotes. */
const USUAL_GROWTH = 1.25
const ROOM_FOR_NAMES = 8_192

/**
 * The body of a PutLogEvents call, as the SDK would write it. The SDK looks at every schema of every event besides every
 * character, which takes it longer than all the rest of a flush takes; and what it leaves to be collected takes as long
 * again. Here a line goes from the bytes that were read to the bytes that are sent, and nothing else is made of it.
 */
export function putBody(
  name: { logGroupName: string; logStreamName: string },
  entries: readonly Entry[],
  buffers?: BodyBuffers,
): Buffer {
  const size = entries.reduce((sum, { bytes }) => sum + bytes, 0)
  const room = Math.ceil(size * USUAL_GROWTH) + ROOM_FOR_NAMES
  const body = new Body(buffers?.take(room) ?? Buffer.allocUnsafeSlow(room))
  body.append(`${JSON.stringify(name).slice(0, -1)},"logEvents":[`)
  let separator = ''
  let begin = ''
  let time = Number.NaN
  for (const entry of entries) {
    // Many events of one millisecond begin with the same text.
    if (entry.timestamp !== time) begin = `{"timestamp":${entry.timestamp},"message":`
    time = entry.timestamp
    const { plain } = entry
    body.append(separator)
    body.append(begin)
    if (plain === undefined) body.append(JSON.stringify(entry.line))
    else body.appendPlain(plain)
    separator = '},'
  }
  if (entries.length > 0) body.append('}')
  body.append(']}')
  return body.written
}

const MOST_KEPT = 8
const LARGEST_KEPT = 4 * 1024 * 1024

/** Buffers of calls that were answered, for the next ones: making and collecting one for each costs as much as filling it. */
export class BodyBuffers {
  readonly #free: Buffer[] = []

  take(size: number): Buffer {
    const last = this.#free.pop()
    return last !== undefined && last.length >= size ? last : Buffer.allocUnsafeSlow(size)
  }

  /** Only after an answer: of a call that ended without one, bytes may still be on their way to the wire. */
  giveBack(body: Buffer): void {
    if (this.#free.length === MOST_KEPT || body.buffer.byteLength > LARGEST_KEPT) return
    this.#free.push(Buffer.from(body.buffer))
  }
}

/** Grows as needed: how much of the lines is escaped shows only when they are written. */
class Body {
  #bytes: Buffer
  #view: DataView
  #length = 0

  constructor(buffer: Buffer) {
    this.#bytes = buffer
    this.#view = viewOf(buffer)
  }

  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  append(text: string): void {
    this.#ensure(text.length * 3)
    this.#length += this.#bytes.write(text, this.#length)
  }

  /** As a JSON string. */
  appendPlain(place: Place): void {
    this.#ensure((place.end - place.start) * 2 + 2)
    this.#bytes[this.#length] = QUOTE
    this.#length = writeEscaped(place, this.#bytes, this.#view, this.#length + 1)
    this.#bytes[this.#length] = QUOTE
    this.#length += 1
  }

  #ensure(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow((this.#length + more) * 2)
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
    this.#view = viewOf(larger)
  }
}

function writeEscaped({ bytes, view, start, end }: Place, to: Uint8Array, toView: DataView, toStart: number): number {
  let length = toStart
  for (let at = start; at < end; ) {
    while (at + 4 <= end) {
      const four = view.getInt32(at, true)
      if (!areFourPlain(four)) break
      toView.setInt32(length, four, true)
      at += 4
      length += 4
    }
    for (const stop = Math.min(at + 4, end); at < stop; at += 1) {
      const byte = bytes[at] as number
      if (byte === QUOTE || byte === BACKSLASH) {
        to[length] = BACKSLASH
        length += 1
      }
      to[length] = byte
      length += 1
    }
  }
  return length
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}
