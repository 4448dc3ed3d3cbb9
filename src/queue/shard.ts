import type { EventLine } from './queue'

/** Where the key of an instance begins. Inside a JSON string every quote follows a backslash: no text looks like this. */
const INSTANCE = ',"instance":{"model":'
const TEXT = '"(?:[^"\\\\]|\\\\.)*"'
const KEY = new RegExp(`(${TEXT})(?:,"table":${TEXT})?,"pk":(${TEXT})`, 'y')
const ID = /^\{"v":\d+,"id":("[^"]*")/

/**
 * Which of `shards` pending lists an event goes to, from 0. All events of one instance (its model and primary key) go
 * to the same list, so that the history of a row stays in order; those without one are spread by their id. The choice
 * is the same in every process and every release: FNV-1a, modulo `shards`.
 *
 * A line of another producer may lack both and is then spread by its text: the worker drains every list anyway.
 *
 * @example
 * const keys = shardKeys(settings)
 * redis.rpush(keys[shardOf(line, keys.length)].pending, line)
 */
export function shardOf(line: EventLine, shards: number): number {
  if (shards <= 1) return 0
  return hash(instanceKey(line) ?? ID.exec(line)?.[1] ?? line.slice(0, 512)) % shards
}

function instanceKey(line: EventLine): string | undefined {
  const at = line.indexOf(INSTANCE)
  if (at < 0) return undefined
  KEY.lastIndex = at + INSTANCE.length
  const key = KEY.exec(line)
  return key === null ? undefined : `${key[1]}${key[2]}`
}

/** FNV-1a, 32 bits, over UTF-16 code units; mixed once more, because its low bits alone spread short keys poorly. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  value ^= value >>> 15
  value = Math.imul(value, 0x2c1b3c6d)
  value ^= value >>> 12
  return value >>> 0
}
