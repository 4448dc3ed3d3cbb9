import { randomFillSync } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/**
 * Of bounded length and without white space, quotes, commas or control characters: it is written into a header of the
 * response and into every event, and anyone may have sent it. Several headers of the name, which Node joins with a
 * comma, are not accepted either.
 */
const WELL_FORMED = /^[A-Za-z0-9._~:/+=@-]{1,128}$/

/** The id that came with the request when it is well-formed, else one of its own. */
export function requestId(headers: IncomingHttpHeaders, header: string | undefined): string {
  const given = header === undefined ? undefined : headers[header]
  return typeof given === 'string' && WELL_FORMED.test(given) ? given : newRequestId()
}

/** Many at once: one by one, `randomUUID` and what its result costs to write was a tenth of all that a context costs. */
const BATCH = 128
const LENGTH = 36
const HEX = Buffer.from('0123456789abcdef')
const random = Buffer.allocUnsafe(BATCH * 16)
const text = Buffer.alloc(BATCH * LENGTH, '-')
let made = ''
let next = BATCH

/** A UUID of version 4. */
export function newRequestId(): string {
  if (next === BATCH) refill()
  const start = next * LENGTH
  next += 1
  return made.slice(start, start + LENGTH)
}

function refill(): void {
  randomFillSync(random)
  let at = 0
  for (let index = 0; index < random.length; index += 1) {
    const place = index % 16
    let byte = random[index] ?? 0
    // RFC 9562: the version in the seventh byte, the variant in the ninth; dashes, which stand already, between.
    if (place === 6) byte = (byte & 0x0f) | 0x40
    else if (place === 8) byte = (byte & 0x3f) | 0x80
    text[at] = HEX[byte >> 4] ?? 0
    text[at + 1] = HEX[byte & 15] ?? 0
    at += place === 3 || place === 5 || place === 7 || place === 9 ? 3 : 2
  }
  made = text.toString('latin1')
  next = 0
}
