import type { Settings } from '../config/settings'
import type { RedisClient } from '../src/queue/connection'
import { everyKeys, type QueueKeys, shardKeys } from '../src/queue/keys'
import { Script } from '../src/queue/script'
import type { LastFlush } from './summary'

const books = new Script('books')

/** The books of one pending list, or of all of them. Events in flight are still pending. */
export interface QueueStatus {
  readonly pending: number
  /** Marked as sent, outcome not yet known. */
  readonly inFlight: number
  readonly deferred: number
  readonly dead: number
  /** Null when nothing is pending, or when the oldest element has no readable date. */
  readonly oldestAgeMs: number | null
  readonly lastFlush: LastFlush | null
}

/** One of several lists; `list` is its hash tag, such as `{audit-logger:3}`. */
export interface ListStatus extends QueueStatus {
  readonly list: string
}

/** The sum over all lists of a prefix. */
export interface FleetStatus extends QueueStatus {
  /** Each list alone; absent where there is only the one of a single shard. */
  readonly shards?: readonly ListStatus[]
}

/** A list's status, and what was done since it began. */
export interface ListBooks extends ListStatus {
  readonly stored: number
  /** Dead letters deleted for good. */
  readonly purged: number
  /** ms since 1970: when a flush of this list last ended well. Null: never. */
  readonly lastOkAt: number | null
}

/** The status of one list. */
export async function readStatus(redis: RedisClient, keys: QueueKeys): Promise<QueueStatus> {
  const { list: _list, ...status } = withoutBooks(await readBooks(redis, keys))
  return status
}

/** The status of all lists of a prefix. */
export async function readFleetStatus(
  redis: RedisClient,
  settings: Pick<Settings, 'prefix' | 'shards'>,
): Promise<FleetStatus> {
  return sumOf((await readFleetBooks(redis, settings)).map(withoutBooks))
}

/** The lists of the settings, and those of an earlier number of shards that are not empty yet. */
export async function readFleetBooks(
  redis: RedisClient,
  settings: Pick<Settings, 'prefix' | 'shards'>,
): Promise<ListBooks[]> {
  const now = shardKeys(settings).length
  const all = await Promise.all(everyKeys(settings).map((keys) => readBooks(redis, keys)))
  return all.filter(({ pending, deferred, dead }, i) => i < now || pending + deferred + dead > 0)
}

/** Adds the lists up. The last flush is the latest one, but one that failed is not hidden by others that did not. */
export function sumOf(lists: readonly ListStatus[]): FleetStatus {
  const sum = (of: (list: ListStatus) => number) => lists.reduce((total, list) => total + of(list), 0)
  const ages = lists.flatMap(({ oldestAgeMs }) => oldestAgeMs ?? [])
  const flushes = lists.flatMap(({ lastFlush }) => lastFlush ?? [])
  const failed = flushes.filter(({ outcome }) => outcome === 'failed')
  const latest = (failed.length > 0 ? failed : flushes).toSorted((a, b) => (a.at < b.at ? 1 : -1))[0]
  return {
    pending: sum(({ pending }) => pending),
    inFlight: sum(({ inFlight }) => inFlight),
    deferred: sum(({ deferred }) => deferred),
    dead: sum(({ dead }) => dead),
    oldestAgeMs: ages.length === 0 ? null : Math.max(...ages),
    lastFlush: latest ?? null,
    ...(lists.length > 1 && { shards: lists }),
  }
}

async function readBooks(redis: RedisClient, keys: QueueKeys): Promise<ListBooks> {
  const names = [keys.pending, keys.lease, keys.deferred, keys.dead, keys.stats]
  const reply = (await books.run(redis, names, [])) as unknown[]
  const [pending, base, sent, deferred, dead, oldest, lastFlush, stored, purged, lastOk] = reply
  return {
    list: keys.tag,
    pending: Number(pending),
    inFlight: Math.min(Number(pending), Math.max(0, Number(sent) - Number(base))),
    deferred: Number(deferred),
    dead: Number(dead),
    oldestAgeMs: ageOf(String(oldest)),
    lastFlush: lastFlush === '' ? null : (JSON.parse(String(lastFlush)) as LastFlush),
    stored: Number(stored),
    purged: Number(purged),
    lastOkAt: lastOk === '' ? null : Number(lastOk),
  }
}

function withoutBooks({ stored: _stored, purged: _purged, lastOkAt: _lastOkAt, ...status }: ListBooks): ListStatus {
  return status
}

function ageOf(line: string): number | null {
  const date = /"date":"([^"]+)"/.exec(line)?.[1]
  const time = date === undefined ? Number.NaN : Date.parse(date)
  return Number.isNaN(time) ? null : Math.max(0, Date.now() - time)
}
