import { createHash } from 'node:crypto'
import type { RedisClient } from '../src/queue/connection'
import type { QueueKeys } from '../src/queue/keys'
import { Script } from '../src/queue/script'
import type { DeadHeader } from './dead-letter'

/** A dead letter as it is shown: why, since when, and the element exactly as it was on the pending list. */
export interface DeadLetter extends Omit<DeadHeader, 'reason'> {
  /** The event's id; for an element that has none, the beginning of the SHA-256 of it. */
  readonly id: string
  readonly reason: string
  readonly event: string
}

/** Which dead letters are meant; a part that is left out excludes none. */
export interface DeadLetterFilter {
  readonly id?: string
  readonly reasons?: readonly string[]
  /** ms since 1970: when it became a dead letter, this moment included. */
  readonly since?: number
  /** ms since 1970; this moment is not included. */
  readonly until?: number
  /** The oldest that many. */
  readonly limit?: number
}

/** Two arguments of a script for each letter; managed serverless Redis limits them to 3,999. */
const PAGE = { letters: 1_900, bytes: 1_048_576 }
const peekDead = new Script('peek-dead')
const takeDead = new Script('take-dead')

/** The dead letters that pass the filter, oldest first, one page in memory at a time. */
export async function* deadLetters(
  redis: RedisClient,
  keys: QueueKeys,
  filter: DeadLetterFilter = {},
): AsyncGenerator<DeadLetter> {
  let left = filter.limit ?? Number.POSITIVE_INFINITY
  for (let start = 0; left > 0; ) {
    const page = await readPage(redis, keys, start)
    if (page.items.length === 0) return
    for (const { letter } of page.items) {
      if (!passes(letter, filter)) continue
      yield letter
      left -= 1
      if (left <= 0) return
    }
    start += page.items.length
  }
}

/** Puts the dead letters that pass the filter back on the pending list, unchanged; returns how many. */
export function replayDeadLetters(redis: RedisClient, keys: QueueKeys, filter: DeadLetterFilter = {}): Promise<number> {
  return take('replayed', redis, keys, filter)
}

/** Deletes the dead letters that pass the filter for good; returns how many. */
export function purgeDeadLetters(redis: RedisClient, keys: QueueKeys, filter: DeadLetterFilter = {}): Promise<number> {
  return take('purged', redis, keys, filter)
}

/**
 * Walks along the list as long as it was at the start: a letter that comes back while this runs is not taken again. Each
 * page is taken in one step, so that an end at any moment leaves the rest as it was.
 */
async function take(
  how: 'replayed' | 'purged',
  redis: RedisClient,
  keys: QueueKeys,
  filter: DeadLetterFilter,
): Promise<number> {
  let end = await redis.llen(keys.dead)
  let taken = 0
  let start = 0
  /** The letter before `start`: when it is not there any more, somebody else takes letters too. */
  let anchor: string | undefined
  while (start < end) {
    const left = (filter.limit ?? Number.POSITIVE_INFINITY) - taken
    if (left <= 0) break
    const from = anchor === undefined ? start : start - 1
    const { items, length } = await readPage(redis, keys, from)
    if (anchor !== undefined && items.shift()?.sha1 !== anchor) {
      ;[start, end, anchor] = [0, Math.min(end, length), undefined]
      continue
    }
    const page = items.slice(0, end - start)
    if (page.length === 0) {
      if (from === start) break
      anchor = undefined // One letter larger than a page: without the anchor the next one is reached.
      continue
    }
    const chosen = page.flatMap((item, i) => (passes(item.letter, filter) ? [[start + i, item.sha1] as const] : []))
    const most = chosen.slice(0, left)
    const moved = Number(await takeDead.run(redis, [keys.pending, keys.dead, keys.stats], [how, ...most.flat()]))
    if (moved < 0) {
      ;[start, end, anchor] = [0, Math.min(end, length), undefined]
      continue
    }
    const gone = new Set(most.map(([index]) => index))
    anchor = page.findLast((_, i) => !gone.has(start + i))?.sha1 ?? anchor
    taken += moved
    end -= moved
    start += page.length - moved
  }
  return taken
}

interface Item {
  readonly letter: DeadLetter
  readonly sha1: string
}

async function readPage(
  redis: RedisClient,
  keys: QueueKeys,
  start: number,
): Promise<{ items: Item[]; length: number }> {
  const reply = await peekDead.run(redis, [keys.dead], [start, PAGE.letters + 1, PAGE.bytes])
  const [length, ...rest] = reply as [number, ...string[]]
  const items: Item[] = []
  for (let i = 0; i + 1 < rest.length; i += 2) {
    items.push({ letter: readDeadLetter(String(rest[i])), sha1: String(rest[i + 1]) })
  }
  return { items, length: Number(length) }
}

function passes(letter: DeadLetter, { id, reasons, since, until }: DeadLetterFilter): boolean {
  if (id !== undefined && letter.id !== id) return false
  if (reasons !== undefined && !reasons.includes(letter.reason)) return false
  if (since === undefined && until === undefined) return true
  const at = Date.parse(letter.at)
  // A letter that does not tell its time passes no filter of time.
  return at >= (since ?? Number.NEGATIVE_INFINITY) && at < (until ?? Number.POSITIVE_INFINITY)
}

/** Whatever stands on the list can be shown, and so judged and purged, even if nothing of ours wrote it. */
function readDeadLetter(letter: string): DeadLetter {
  const end = letter.indexOf('\n')
  const header = asObject(letter.slice(0, Math.max(0, end)))
  const event = letter.slice(end + 1)
  const text = (value: unknown) => (typeof value === 'string' ? value : '')
  return {
    id: text(asObject(event).id) || createHash('sha256').update(event).digest('hex').slice(0, 16),
    at: text(header.at),
    reason: text(header.reason) || 'unknown',
    detail: text(header.detail),
    event,
  }
}

function asObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
