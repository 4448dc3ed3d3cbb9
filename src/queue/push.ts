import type { RedisClient } from './connection'
import type { QueueKeys } from './keys'
import type { EventLine } from './queue'
import { shardOf } from './shard'
import type { Spilled } from './spill'
import type { Guard, ReadRecord } from './spill-record'

/** How long Redis remembers what a process pushed last: the longest outage after which nothing is pushed twice. */
const MARKER_MS = 24 * 60 * 60 * 1000
/** The same for how far a spill file was replayed. */
const SPILL_MARKER_MS = 30 * MARKER_MS

/** The lines of a push that go to one shard. */
interface Part {
  readonly keys: QueueKeys
  /** Set to the number in the same transaction: when the reply is lost, it says whether the push took effect. */
  readonly guard: Guard
  readonly lifetimeMs: number
  lines: readonly EventLine[]
  done: boolean
  /** It was sent, and how that ended is not known. */
  unknown: boolean
}

/**
 * One push: at most one RPUSH with many values for each shard, repeated until all of them have taken effect, each once.
 */
export class Push {
  /** How many lines were taken out for it. */
  readonly count: number
  /** Where the lines come from, unless from memory. */
  readonly spilled: Spilled | undefined
  readonly #parts: Part[]
  #records: ReadonlyMap<Part, readonly ReadRecord[]> | undefined

  private constructor(count: number, parts: Part[], spilled?: Spilled, records?: Map<Part, readonly ReadRecord[]>) {
    this.count = count
    this.spilled = spilled
    this.#parts = parts
    this.#records = records
  }

  static ofLines(lines: readonly EventLine[], shards: readonly QueueKeys[], guardOf: (keys: QueueKeys) => Guard): Push {
    const parts = byShard(lines, shards, (line) => line).map(([keys, its]) => part(keys, guardOf(keys), MARKER_MS, its))
    return new Push(lines.length, parts)
  }

  /** The number of shards is part of the marker: with another one, the same line may belong to another shard. */
  static ofSpilled(spilled: Spilled, shards: readonly QueueKeys[]): Push {
    const { set, end, records } = spilled
    const mine = new Map<Part, readonly ReadRecord[]>()
    for (const [keys, its] of byShard(records, shards, ({ line }) => line)) {
      const guard = { marker: `${keys.tag}:spill:${set.birth}:${shards.length}`, number: end }
      const lines = its.map(({ line }) => line)
      mine.set(part(keys, guard, SPILL_MARKER_MS, lines), its)
    }
    return new Push(records.length, [...mine.keys()], spilled, mine)
  }

  /** How many lines are not in Redis, as far as is known. */
  get left(): number {
    return this.#undone().reduce((sum, { lines }) => sum + lines.length, 0)
  }

  get isDone(): boolean {
    return this.#undone().length === 0
  }

  /** @throws what the first of those that failed says; the others may have taken effect */
  async attempt(redis: RedisClient): Promise<void> {
    if (this.#records !== undefined) await this.#withoutReplayed(redis, this.#records)
    const undone = this.#undone()
    const outcomes = await Promise.allSettled(undone.map((one) => append(redis, one)))
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  /** What did not arrive, with what tells of those sent whether they did all the same. */
  rest(): { lines: readonly EventLine[]; unless: Guard | undefined }[] {
    return this.#undone().map(({ lines, guard, unknown }) => ({ lines, unless: unknown ? guard : undefined }))
  }

  #undone(): Part[] {
    return this.#parts.filter(({ done }) => !done)
  }

  /** Leaves out what a process pushed that died before it could note it. */
  async #withoutReplayed(redis: RedisClient, records: ReadonlyMap<Part, readonly ReadRecord[]>): Promise<void> {
    const reached = new Map<string, number>()
    const reachedBy = async (marker: string) => {
      const known = reached.get(marker) ?? Number((await redis.get(marker)) ?? 0)
      reached.set(marker, known)
      return known
    }
    const resumeAt = this.spilled?.set.resumeAt
    for (const [one, its] of records) {
      const { marker } = one.guard
      const resume = this.spilled?.set.isAdopted ? (resumeAt?.get(marker) ?? (await reachedBy(marker))) : 0
      resumeAt?.set(marker, resume)
      const left: EventLine[] = []
      for (const { line, unless, end } of its) {
        if (end <= resume) continue
        if (unless === undefined || (await reachedBy(unless.marker)) < unless.number) left.push(line)
      }
      one.lines = left
      one.done = left.length === 0
    }
    this.#records = undefined
  }
}

async function append(redis: RedisClient, one: Part): Promise<void> {
  const { keys, guard, lines, lifetimeMs } = one
  if (one.unknown && Number((await redis.get(guard.marker)) ?? 0) >= guard.number) {
    one.done = true
    return
  }
  one.unknown = true
  try {
    const replies = await redis
      .multi()
      .rpush(keys.pending, ...lines)
      .set(guard.marker, guard.number, 'PX', lifetimeMs)
      .exec()
    for (const [error] of replies ?? []) if (error) throw error
    one.done = true
  } catch (error) {
    one.unknown = !isRefusal(error)
    throw error
  }
}

/** An answer of Redis itself (out of memory, read-only, wrong type): surely not applied. Anything else may have been. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && (error.name === 'ReplyError' || error.message.includes('enableOfflineQueue'))
}

function part(keys: QueueKeys, guard: Guard, lifetimeMs: number, lines: readonly EventLine[]): Part {
  return { keys, guard, lifetimeMs, lines, done: false, unknown: false }
}

function byShard<T>(
  items: readonly T[],
  shards: readonly QueueKeys[],
  lineOf: (item: T) => EventLine,
): [QueueKeys, readonly T[]][] {
  const [only] = shards
  if (only !== undefined && shards.length === 1) return items.length === 0 ? [] : [[only, items]]
  const groups = new Map<QueueKeys, T[]>()
  for (const item of items) {
    const keys = shards[shardOf(lineOf(item), shards.length)] as QueueKeys
    const group = groups.get(keys)
    if (group === undefined) groups.set(keys, [item])
    else group.push(item)
  }
  return [...groups]
}
