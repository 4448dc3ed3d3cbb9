import { createHash } from 'node:crypto'
import { AuditError } from '../../config/errors'
import { type AuditEvent, EVENT_VERSION, type LateReason } from '../event/event'
import { type EventPart, partOf } from '../event/part'

/** An event as it was captured, whole. */
export interface StreamEvent {
  /** The JSON line that was captured, byte for byte. */
  readonly line: string
  readonly event: AuditEvent
  /** 1 unless the event was larger than CloudWatch takes. */
  readonly parts: number
  /** Set when its timestamp in the stream is the time at which it was stored, not `event.date`. */
  readonly late?: LateReason
}

/** A large event of which not all parts were read. */
export interface MissingParts {
  readonly id: string
  readonly total: number
  readonly missing: readonly number[]
}

interface Collected {
  readonly sha256: string
  readonly texts: Map<number, string>
  late: LateReason | undefined
}

/**
 * Turns the messages of a log stream back into events: parses them, joins the parts of large ones and proves them by
 * their SHA-256. Parts may come in any order, with other messages between them, and more than once.
 *
 * @example
 * const reader = new EventReader()
 * for (const { message } of page.events) {
 *   const read = reader.push(message)
 *   if (read) console.log(read.event.action)
 * }
 */
export class EventReader {
  readonly #parts = new Map<string, Collected & { readonly id: string; readonly total: number }>()
  /** Of large events that were given out: a part that comes twice must not begin the event again. */
  readonly #done = new Set<string>()

  /**
   * The event that this message is, or completes; undefined while parts of it are missing.
   *
   * @throws AuditError AUDIT_MESSAGE_INVALID, AUDIT_PARTS_CORRUPT
   */
  push(message: string): StreamEvent | undefined {
    const document = parse(message)
    const late = lateOf(document)
    const part = partOf(document)
    if (part !== undefined) return this.#collect(String(document.id), part, late)
    const line = late === undefined ? message : withoutMark(message, late)
    return { line, event: document as unknown as AuditEvent, parts: 1, ...(late && { late }) }
  }

  /** The events that are not complete yet. */
  missing(): MissingParts[] {
    return [...this.#parts.values()].map(({ id, total, texts }) => ({
      id,
      total,
      missing: Array.from({ length: total }, (_, i) => i + 1).filter((number) => !texts.has(number)),
    }))
  }

  #collect(id: string, { number, total, sha256, text }: EventPart, late: LateReason | undefined) {
    const key = JSON.stringify([id, total, sha256])
    if (this.#done.has(key)) return undefined
    const collected = this.#parts.get(key) ?? { id, total, sha256, texts: new Map<number, string>(), late: undefined }
    this.#parts.set(key, collected)
    const known = collected.texts.get(number)
    if (known !== undefined && known !== text) {
      throw new AuditError('AUDIT_PARTS_CORRUPT', { id, problem: `there are two different parts ${number}` })
    }
    collected.texts.set(number, text)
    collected.late ??= late
    return collected.texts.size === total ? this.#join(key, id, total, collected) : undefined
  }

  #join(key: string, id: string, total: number, { sha256, texts, late }: Collected): StreamEvent {
    this.#parts.delete(key)
    this.#done.add(key)
    const line = Array.from({ length: total }, (_, i) => texts.get(i + 1) ?? '').join('')
    if (createHash('sha256').update(line).digest('hex') !== sha256) {
      throw new AuditError('AUDIT_PARTS_CORRUPT', { id, problem: 'the SHA-256 is another one' })
    }
    const document = parse(line)
    if (document.id !== id) throw new AuditError('AUDIT_PARTS_CORRUPT', { id, problem: 'the id is another one' })
    return { line, event: document as unknown as AuditEvent, parts: total, ...(late && { late }) }
  }
}

/**
 * The events of a log stream, each when it is complete. Duplicates of whole events are not removed; do that by `id`.
 *
 * @param messages in any order
 * @throws AuditError AUDIT_MESSAGE_INVALID, AUDIT_PARTS_CORRUPT, and at the end AUDIT_PARTS_INCOMPLETE
 *
 * @example
 * for await (const { event } of readEvents(messages)) console.log(event.date, event.action)
 */
export async function* readEvents(messages: Iterable<string> | AsyncIterable<string>): AsyncGenerator<StreamEvent> {
  const reader = new EventReader()
  for await (const message of messages) {
    const read = reader.push(message)
    if (read !== undefined) yield read
  }
  const missing = reader.missing()
  if (missing.length > 0) {
    const shown = missing.slice(0, 10).map(({ id, total, missing: parts }) => `${id}: ${parts.join(', ')} of ${total}`)
    throw new AuditError('AUDIT_PARTS_INCOMPLETE', { events: missing.length, missing: shown.join('; ') })
  }
}

function parse(message: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(message)
  } catch (cause) {
    throw new AuditError('AUDIT_MESSAGE_INVALID', { problem: 'it is not JSON' }, { cause })
  }
  const { v, id } = (value ?? {}) as Record<string, unknown>
  if (v !== EVENT_VERSION || typeof id !== 'string') {
    throw new AuditError('AUDIT_MESSAGE_INVALID', { problem: `it has not version ${EVENT_VERSION}, or no id` })
  }
  return value as Record<string, unknown>
}

/** The worker puts the mark at the end and changes nothing else. */
function withoutMark(message: string, late: LateReason): string {
  const mark = `,"late":{"reason":"${late}"}}`
  return message.endsWith(mark) ? `${message.slice(0, -mark.length)}}` : message
}

function lateOf({ late }: Readonly<Record<string, unknown>>): LateReason | undefined {
  const reason = typeof late === 'object' && late !== null ? (late as { reason?: unknown }).reason : undefined
  return reason === 'too_old' || reason === 'expired' ? reason : undefined
}
