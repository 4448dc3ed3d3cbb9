import { EVENT_VERSION } from '../src/event/event'
import type { Place } from '../src/queue/elements'
import { endOfString, endOfValue, isDigit, isHexDigit } from './compact-json'

/** How `openLine` begins a line: with all that the worker needs to know, each in its place. */
const START = Buffer.from(`{"v":${EVENT_VERSION},"id":"`)
const ID_LENGTH = 36
const DATE = Buffer.from('","date":"')
const DATE_LENGTH = 24
const ACTION = Buffer.from('","action":')

const ID_START = START.length
const DATE_START = ID_START + ID_LENGTH + DATE.length
const ACTION_START = DATE_START + DATE_LENGTH + ACTION.length

/** A second `id`, say, would be the one that a parser reads; and a part of a large event says so in `part`. */
const KNOWN = new Set(['v', 'id', 'date', 'action', 'part'])
const LONGEST_KNOWN = 6

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const CLOSE_OBJECT = 0x7d
const BACKSLASH = 0x5c
const DASH = 0x2d

/**
 * The time (ms) of an event that is written as this package writes it, looked through to its end; -1 for any other
 * element, which may be an event all the same: `readEvent` decides. What it finds, `readEvent` finds too.
 *
 * @param place where it stands, in UTF-8
 */
export function readOwn(place: Place): number {
  const { bytes, start, end } = place
  if (!stands(START, bytes, start) || !stands(DATE, bytes, start + ID_START + ID_LENGTH)) return -1
  if (!stands(ACTION, bytes, start + DATE_START + DATE_LENGTH)) return -1
  for (let at = start + ID_START; at < start + ID_START + ID_LENGTH; at += 1) {
    const byte = bytes[at] as number
    if (!isHexDigit(byte) && byte !== DASH) return -1
  }
  const timestamp = timeAt(bytes, start + DATE_START)
  if (!(timestamp >= 0)) return -1

  const actionStart = start + ACTION_START
  let at = endOfString(place, actionStart, end)
  if (at === -1 || at === actionStart + 2) return -1
  while (bytes[at] === COMMA) {
    const keyStart = at + 1
    const keyEnd = endOfString(place, keyStart, end)
    if (keyEnd === -1 || bytes[keyEnd] !== COLON || mayBeKnown(bytes, keyStart + 1, keyEnd - 1)) return -1
    at = endOfValue(place, keyEnd + 1, end)
    if (at === -1) return -1
  }
  return bytes[at] === CLOSE_OBJECT && at + 1 === end ? timestamp : -1
}

/** The id of an event that `readOwn` has found. */
export function idOfOwn({ bytes, start }: Place): string {
  return bytes.toString('latin1', start + ID_START, start + ID_START + ID_LENGTH)
}

function stands(what: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < what.length; i += 1) if (bytes[start + i] !== what[i]) return false
  return true
}

function mayBeKnown(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (bytes[at] === BACKSLASH) return true
  return end - start <= LONGEST_KNOWN && KNOWN.has(Buffer.from(bytes.subarray(start, end)).toString())
}

/** Of `2026-11-20T10:00:00.123Z`; NaN when it is written in another way. */
function timeAt(bytes: Uint8Array, start: number): number {
  const year = number(bytes, start, 4)
  const month = number(bytes, start + 5, 2)
  const day = number(bytes, start + 8, 2)
  const hour = number(bytes, start + 11, 2)
  const minute = number(bytes, start + 14, 2)
  const second = number(bytes, start + 17, 2)
  const ms = number(bytes, start + 20, 3)
  const isWritten =
    bytes[start + 4] === DASH &&
    bytes[start + 7] === DASH &&
    bytes[start + 10] === 0x54 && // T
    bytes[start + 13] === COLON &&
    bytes[start + 16] === COLON &&
    bytes[start + 19] === 0x2e && // .
    bytes[start + 23] === 0x5a && // Z
    bytes[start + 24] === QUOTE
  // How a parser reads the 31st of February is its own affair.
  const isPlain = year >= 1970 && month >= 1 && month <= 12 && day >= 1 && hour <= 23 && minute <= 59 && second <= 59
  if (!isWritten || !isPlain || day > 28) return isWritten ? Date.parse(dateAt(bytes, start)) : Number.NaN
  return Date.UTC(year, month - 1, day, hour, minute, second, ms)
}

function dateAt(bytes: Uint8Array, start: number): string {
  return Buffer.from(bytes.subarray(start, start + DATE_LENGTH)).toString('latin1')
}

/** Of so many digits; NaN when one of them is none. */
function number(bytes: Uint8Array, start: number, digits: number): number {
  let value = 0
  for (let at = start; at < start + digits; at += 1) {
    const byte = bytes[at] as number
    if (!isDigit(byte)) return Number.NaN
    value = value * 10 + byte - 0x30
  }
  return value
}
