/** What PutLogEvents took in: the only thing that a sink remembers. */
export interface Counts {
  /** Calls that were accepted. */
  puts: number
  /** Events that were stored, or in a sink: received. */
  events: number
  /** Bytes of the bodies of accepted calls, as they came over the wire. */
  bodyBytes: number
}

const MARK = Buffer.from('"timestamp":')
const CARRY = MARK.length - 1

/**
 * Counts the events of a request while it streams by, without parsing it. The mark cannot occur inside a message: there
 * its quotation marks are escaped.
 */
export class EventCounter {
  count = 0
  #tail: Buffer = Buffer.alloc(0)

  add(chunk: Buffer): void {
    // The tail and the head are each too short to hold a mark, so what their joint holds lies across the border.
    this.#countIn(Buffer.concat([this.#tail, chunk.subarray(0, CARRY)]))
    this.#countIn(chunk)
    this.#tail = chunk.length >= CARRY ? chunk.subarray(-CARRY) : Buffer.concat([this.#tail, chunk]).subarray(-CARRY)
  }

  #countIn(bytes: Buffer): void {
    for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + MARK.length)) this.count += 1
  }
}
