import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { LocalCloudWatch } from '../../../local/cloudwatch'
import type { QueueKeys } from '../../../src/queue/keys'

/** Where every accepted element has ended up, and what is wrong with that. */
export interface Verdict {
  readonly accepted: number
  readonly stored: number
  readonly dead: number
  readonly deferred: number
  /** Copies beyond the first. */
  readonly duplicates: number
  /** Empty when the books are right; each line names an element and what happened to it. */
  readonly wrong: readonly string[]
  /** How often the books were read while the run was going on. */
  readonly samples: number
}

/**
 * The test's own account of what it put on the pending list. It trusts neither the worker nor its summaries: it compares
 * what Redis holds at any moment, and at the end what CloudWatch holds, with what it put there itself.
 */
export class Books {
  readonly #redis: Redis
  readonly #keys: QueueKeys
  readonly #endpoint: LocalCloudWatch
  readonly #stream: readonly [group: string, stream: string]
  readonly #elements = new Map<string, string>()
  readonly #wrong: string[] = []
  #samples = 0
  #token = 0
  #base = 0

  constructor(redis: Redis, keys: QueueKeys, endpoint: LocalCloudWatch, stream: readonly [string, string]) {
    this.#redis = redis
    this.#keys = keys
    this.#endpoint = endpoint
    this.#stream = stream
  }

  /** Puts elements on the list as a producer in another language would, and counts them in the same step. */
  async accept(elements: readonly string[]): Promise<void> {
    this.expect(elements)
    await this.#redis
      .multi()
      .rpush(this.#keys.pending, ...elements)
      .incrby(`${this.#keys.tag}:accepted`, elements.length)
      .exec()
  }

  /** Elements that somebody else puts on the list: where each is at the end is asked, how many there are meanwhile is not. */
  expect(elements: readonly string[]): void {
    for (const element of elements) this.#elements.set(nameOf(element), element)
  }

  /** Reads all books in one step: at no moment may an element be in none or in two of them. */
  async sample(): Promise<{ pending: number; deferred: number }> {
    const replies = await this.#redis
      .multi()
      .get(`${this.#keys.tag}:accepted`)
      .llen(this.#keys.pending)
      .zcard(this.#keys.deferred)
      .llen(this.#keys.dead)
      .hgetall(this.#keys.stats)
      .hmget(this.#keys.lease, 'token', 'base', 'sent')
      .exec()
    const [accepted, pending, deferred, dead, stats, lease] = (replies ?? []).map(([, reply]) => reply)
    const books = { accepted, pending, deferred, dead, stats, lease }
    const count = (name: string) => Number((stats as Record<string, string>)[name] ?? 0)
    const [token = 0, base = 0, sent = 0] = (lease as (string | null)[]).map(Number)
    const balanced =
      accepted === null || Number(accepted) === count('stored') + Number(dead) + Number(deferred) + Number(pending)
    const left = count('stored') + count('dead') + count('deferred')
    const sane = base === left && sent >= base && token >= this.#token && base >= this.#base
    if (!balanced) this.#wrong.push(`accepted ≠ stored + dead + deferred + pending: ${JSON.stringify(books)}`)
    if (!sane) this.#wrong.push(`the lease does not agree with the books: ${JSON.stringify(books)}`)
    this.#samples += 1
    this.#token = token
    this.#base = base
    return { pending: Number(pending), deferred: Number(deferred) }
  }

  /** Looks where every element is now. `mayDouble`: for the few faults that are documented to double events. */
  async verdict({ mayDouble = false } = {}): Promise<Verdict> {
    await this.sample()
    const wrong = [...this.#wrong.slice(0, 5)]
    const { whole, incomplete } = join(this.#endpoint.events(...this.#stream).map(({ message }) => message))
    const stored = tally(whole)
    const letters = await this.#redis.lrange(this.#keys.dead, 0, -1)
    const dead = tally(letters.map((letter) => letter.slice(letter.indexOf('\n') + 1)))
    // Of an event that is dead because one of its parts was refused, the parts before that one are stored.
    for (const [id, found] of incomplete) if (!dead.has(id)) wrong.push(`INCOMPLETE ${id}: parts ${found}`)
    const members = await this.#redis.zrange(this.#keys.deferred, 0, -1)
    const deferred = tally(members.map((member) => member.slice(member.indexOf('\n') + 1)))
    const pending = tally(await this.#redis.lrange(this.#keys.pending, 0, -1))
    for (const letter of letters) if (!hasReason(letter)) wrong.push(`a dead letter without a reason: ${short(letter)}`)

    let duplicates = 0
    for (const [name, element] of this.#elements) {
      const places = [stored, dead, deferred, pending].map((place) => place.get(name)?.length ?? 0)
      const [inStream = 0, ...elsewhere] = places
      const found = inStream + elsewhere.reduce((sum, n) => sum + n, 0)
      const where = `stored ${inStream}, dead ${elsewhere[0]}, deferred ${elsewhere[1]}, pending ${elsewhere[2]}`
      duplicates += Math.max(0, found - 1)
      if (found === 0) wrong.push(`LOST ${short(element)}`)
      else if (found > 1 && !mayDouble) wrong.push(`DOUBLED (${where}) ${short(element)}`)
      for (const copy of stored.get(name) ?? []) {
        if (!isFaithful(element, copy)) wrong.push(`CHANGED ${short(element)} to ${short(copy)}`)
      }
      for (const copy of [dead, deferred].flatMap((place) => place.get(name) ?? [])) {
        if (copy !== element) wrong.push(`CHANGED ${short(element)} to ${short(copy)}`)
      }
    }
    for (const place of [stored, dead, deferred, pending]) {
      for (const [name, [copy = '']] of place) if (!this.#elements.has(name)) wrong.push(`INVENTED ${short(copy)}`)
    }
    return {
      accepted: this.#elements.size,
      stored: stored.size,
      dead: letters.length,
      deferred: members.length,
      duplicates,
      wrong,
      samples: this.#samples,
    }
  }
}

/** An event by its id, an element that is none by itself. */
function nameOf(element: string): string {
  try {
    const { v, id } = JSON.parse(element) as { v?: unknown; id?: unknown }
    return v === 1 && typeof id === 'string' ? id : element
  } catch {
    return element
  }
}

function tally(elements: readonly string[]): Map<string, string[]> {
  const all = new Map<string, string[]>()
  for (const element of elements) {
    const name = nameOf(element)
    const known = all.get(name)
    if (known) known.push(element)
    else all.set(name, [element])
  }
  return all
}

interface Part {
  readonly number: number
  readonly total: number
  readonly sha256: string
  readonly text: string
}

/**
 * Puts events that were stored in parts together again, by the documented rules and not with the package's own reader.
 * An event of which a part is missing is told apart; one whose parts are there twice comes out twice.
 */
function join(messages: readonly string[]): { whole: string[]; incomplete: Map<string, string> } {
  const whole: string[] = []
  const incomplete = new Map<string, string>()
  const parts = new Map<string, Part[]>()
  for (const message of messages) {
    const { id, part } = message.includes('"part"') ? (JSON.parse(message) as { id: string; part?: Part }) : {}
    if (id === undefined || part === undefined) whole.push(message)
    else parts.set(id, [...(parts.get(id) ?? []), part])
  }
  for (const [id, all] of parts) {
    const copies = new Map<number, number>()
    for (const { number } of all) copies.set(number, (copies.get(number) ?? 0) + 1)
    const sorted = [...new Map(all.map((part) => [part.number, part])).values()].sort((a, b) => a.number - b.number)
    const text = sorted.map((part) => part.text).join('')
    const complete = sorted.length === sorted[0]?.total
    if (!complete || createHash('sha256').update(text).digest('hex') !== sorted[0]?.sha256) {
      incomplete.set(id, `${sorted.map(({ number }) => number)} of ${sorted[0]?.total}`)
      continue
    }
    for (let copy = 0; copy < Math.max(...copies.values()); copy += 1) whole.push(text)
  }
  return { whole, incomplete }
}

/** Byte for byte, or with every field as it was and a mark added. */
function isFaithful(element: string, copy: string): boolean {
  if (copy === element) return true
  const was = JSON.parse(element) as Record<string, unknown>
  const is = JSON.parse(copy) as Record<string, unknown>
  return Object.entries(was).every(([field, value]) => JSON.stringify(is[field]) === JSON.stringify(value))
}

function hasReason(letter: string): boolean {
  try {
    const { at, reason } = JSON.parse(letter.slice(0, letter.indexOf('\n'))) as { at?: unknown; reason?: unknown }
    return typeof at === 'string' && typeof reason === 'string' && reason !== ''
  } catch {
    return false
  }
}

function short(text: string): string {
  return text.length > 160 ? `${text.slice(0, 160)}… (${text.length} characters)` : text
}
