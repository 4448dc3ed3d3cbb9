import { crc32 } from 'node:zlib'
import type { EventLine } from './queue'

const LINE_FEED = 0x0a

/** The push took effect if this marker in Redis has reached the number. */
export interface Guard {
  readonly marker: string
  readonly number: number
}

/** A record that was read, and where it ends, counted from the start of what was read. */
export interface ReadRecord {
  readonly line: EventLine
  /** The line was part of a push of unknown outcome when it was written. */
  readonly unless?: Guard
  readonly end: number
}

/**
 * One line of a spill file: checksum, guard, event. Whether it is whole can be told from the line alone, because a
 * crash of the machine may leave any part of what was written last.
 */
export function encodeRecord(line: EventLine, unless?: Guard): string {
  const guard = unless === undefined ? '' : `${encodeURIComponent(unless.marker)}=${unless.number}`
  const payload = `g${guard} ${line}`
  return `${checksum(payload)} ${payload}\n`
}

export interface ReadRecords {
  readonly records: readonly ReadRecord[]
  /** Where the last whole line ends, records or not; 0 when there is none. */
  readonly end: number
  /** Lines that are no record. */
  readonly damaged: number
}

/** The records at the beginning of `bytes`, at most so many; an unfinished line at the end is left alone. */
export function decodeRecords(bytes: Buffer, most: number): ReadRecords {
  const records: ReadRecord[] = []
  let start = 0
  let damaged = 0
  while (records.length < most) {
    const end = bytes.indexOf(LINE_FEED, start)
    if (end === -1) break
    const record = decode(bytes.subarray(start, end))
    if (record === undefined) damaged += 1
    else records.push({ ...record, end: end + 1 })
    start = end + 1
  }
  return { records, end: start, damaged }
}

function decode(bytes: Buffer): Omit<ReadRecord, 'end'> | undefined {
  const text = bytes.toString('utf8')
  const [head = '', written, guard = ''] = /^([0-9a-f]{8}) g(\S*) /.exec(text) ?? []
  if (written === undefined || written !== checksum(bytes.subarray(9))) return undefined
  const line = text.slice(head.length)
  if (guard === '') return { line }
  const [marker = '', number] = guard.split('=')
  return { line, unless: { marker: decodeURIComponent(marker), number: Number(number) } }
}

function checksum(payload: string | Buffer): string {
  return crc32(payload).toString(16).padStart(8, '0')
}
