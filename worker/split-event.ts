import { createHash } from 'node:crypto'
import { EVENT_VERSION } from '../src/event/event'
import { partKey } from '../src/event/part'
import type { Entry } from './entry'
import { PUT_LIMITS } from './limits'

/** An event that is larger than one message may be. */
export interface LargeEvent {
  readonly index: number
  readonly id: string
  readonly timestamp: number
  readonly date: string
  readonly action: string
  readonly line: string
}

/** In every part, for the mark of an event that is stored late: what was sent once must not have to be cut anew. */
export const LATE_ROOM = 64
/** Enough for the numbers of any part: a Redis element has 512 MB at most. */
const NUMBERS_ROOM = 12
/** A part repeats date and action only while they are of a sensible size; the event itself has them whole. */
const LONGEST_ACTION = 1_024
const LONGEST_DATE = 64

/**
 * Cuts a large event at code points into parts, each an event document that fits one PutLogEvents call. The same event
 * always gives the same parts, so that a worker that takes over recognises those its predecessor had sent. The lines are
 * made when they are read: of a 50 MB event, only the part that is sent is in memory twice.
 */
export function splitEvent(event: LargeEvent): Entry[] {
  const { index, id, timestamp, line } = event
  const sha256 = createHash('sha256').update(line).digest('hex')
  const head = headOf(event)
  const frame = `${head}"part":{"number":,"total":,"sha256":"${sha256}","text":""}}`
  const room = PUT_LIMITS.bytes - PUT_LIMITS.perEvent - Buffer.byteLength(frame) - NUMBERS_ROOM - LATE_ROOM
  const cuts = cutText(line, room)
  const total = cuts.length
  return cuts.map(({ start, end }, i): Entry => {
    const make = () =>
      `${head}"part":{"number":${i + 1},"total":${total},"sha256":"${sha256}","text":${JSON.stringify(line.slice(start, end))}}}`
    const bytes = Buffer.byteLength(make()) + PUT_LIMITS.perEvent
    return {
      index,
      id,
      key: partKey(id, { number: i + 1, total }),
      timestamp,
      bytes,
      get line() {
        return make()
      },
    }
  })
}

function headOf({ id, timestamp, date, action }: LargeEvent): string {
  const day = date.length <= LONGEST_DATE ? date : new Date(timestamp).toISOString()
  const name = action.length <= LONGEST_ACTION ? action : 'AUDIT_PART'
  return `{"v":${EVENT_VERSION},"id":${JSON.stringify(id)},"date":${JSON.stringify(day)},"action":${JSON.stringify(name)},`
}

/** Cuts a text into pieces of at most `room` bytes when each is written as a JSON string in UTF-8. */
function cutText(text: string, room: number): { start: number; end: number }[] {
  const cuts: { start: number; end: number }[] = []
  let start = 0
  let bytes = 0
  for (let i = 0; i < text.length; ) {
    const unit = text.charCodeAt(i)
    const isPair = unit >= 0xd800 && unit <= 0xdbff && isLow(text.charCodeAt(i + 1))
    const size = isPair ? 4 : bytesOf(unit)
    if (bytes + size > room) {
      cuts.push({ start, end: i })
      start = i
      bytes = 0
    }
    bytes += size
    i += isPair ? 2 : 1
  }
  cuts.push({ start, end: text.length })
  return cuts
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}

/** Of one UTF-16 code unit, as JSON.stringify writes it: quotes, control characters and lone surrogates escaped. */
function bytesOf(unit: number): number {
  if (unit === 0x22 || unit === 0x5c) return 2
  if (unit < 0x20 || (unit >= 0xd800 && unit <= 0xdfff)) return 6
  if (unit < 0x80) return 1
  return unit < 0x800 ? 2 : 3
}
