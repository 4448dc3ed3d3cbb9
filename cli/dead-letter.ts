import { AuditError } from '../config/errors'
import { loadSettings } from '../config/settings'
import type { RedisClient } from '../src/queue/connection'
import { everyKeys, type QueueKeys } from '../src/queue/keys'
import {
  type DeadLetter,
  type DeadLetterFilter,
  deadLetters,
  purgeDeadLetters,
  replayDeadLetters,
} from '../worker/dead-letters'
import type { Command } from './arguments'
import { ask } from './ask'
import { count, type Output } from './output'
import { withRedis } from './redis'

/** What a list shows of an event; `show` shows all. */
const SHOWN = 200

/** Lists, shows, replays or deletes dead letters, those of all shards. */
export async function deadLetter({ action, filter, yes }: Command, output: Output): Promise<number> {
  if (action === 'purge' && !yes && process.stdin.isTTY !== true) {
    throw new AuditError('AUDIT_COMMAND_INVALID', { problem: 'purge deletes events for good and needs --yes' })
  }
  const settings = loadSettings()
  return withRedis(settings, async (redis) => {
    const all = everyKeys(settings)
    switch (action) {
      case 'replay': {
        const replayed = await each(redis, all, filter, replayDeadLetters)
        output.result({ replayed }, `${replayed} put back on the pending list; the next flush sends them`)
        return 0
      }
      case 'purge': {
        const purged = yes ? await each(redis, all, filter, purgeDeadLetters) : await purgeIfAgreed(redis, all, filter)
        output.result({ purged }, `${purged} deleted`)
        return 0
      }
      case 'show':
        return show(redis, all, filter, output)
      default:
        return list(redis, all, filter, output)
    }
  })
}

/** Deletes what was asked about: what becomes a dead letter while somebody thinks is left. */
async function purgeIfAgreed(redis: RedisClient, all: readonly QueueKeys[], filter: DeadLetterFilter): Promise<number> {
  const counts = new Map<QueueKeys, number>()
  for await (const { keys } of matching(redis, all, filter)) counts.set(keys, (counts.get(keys) ?? 0) + 1)
  const total = [...counts.values()].reduce((sum, n) => sum + n, 0)
  if (total === 0 || !(await ask(`Delete ${count(total, 'dead letter')} for good? [y/N] `))) return 0
  let purged = 0
  for (const [keys, limit] of counts) purged += await purgeDeadLetters(redis, keys, { ...filter, limit })
  return purged
}

async function list(
  redis: RedisClient,
  all: readonly QueueKeys[],
  filter: DeadLetterFilter,
  output: Output,
): Promise<number> {
  let n = 0
  if (output.json) await output.part('{"deadLetters":[')
  for await (const { letter } of matching(redis, all, filter)) {
    if (output.json) await output.part(`${n === 0 ? '' : ','}${JSON.stringify(letter)}`)
    else await output.part(`${describe(letter, SHOWN)}\n`)
    n += 1
  }
  if (output.json) await output.part(']}\n')
  else if (n > 0) output.text(`${count(n, 'dead letter')}; one of them whole: audit-logger dead-letter show <id>`)
  else output.text(Object.keys(filter).length === 0 ? 'There are no dead letters.' : 'No dead letter is like that.')
  return 0
}

/** One event can be several dead letters: it may have been stored by an operator, or come in twice. */
async function show(
  redis: RedisClient,
  all: readonly QueueKeys[],
  filter: DeadLetterFilter,
  output: Output,
): Promise<number> {
  const found: DeadLetter[] = []
  for await (const { letter } of matching(redis, all, filter)) found.push(letter)
  if (found.length === 0) throw new AuditError('AUDIT_DEAD_LETTER_UNKNOWN', { id: String(filter.id) })
  output.result({ deadLetters: found }, found.map((letter) => describe(letter, Number.POSITIVE_INFINITY)).join('\n'))
  return 0
}

function describe({ id, at, reason, detail, event }: DeadLetter, most: number): string {
  // Nothing that stands in an event may move the cursor of whoever looks at it.
  const text = event.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (char) => {
    return `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
  })
  const shown = text.length > most ? `${text.slice(0, most).toWellFormed()}… (${text.length} characters)` : text
  return `${at}  ${id}  ${reason}: ${detail}\n  ${shown}`
}

/** The dead letters of one list after the other, `limit` of them in all. */
async function* matching(redis: RedisClient, all: readonly QueueKeys[], filter: DeadLetterFilter) {
  let left = filter.limit ?? Number.POSITIVE_INFINITY
  for (const keys of all) {
    for await (const letter of deadLetters(redis, keys, { ...filter, limit: left })) {
      yield { keys, letter }
      left -= 1
    }
  }
}

/** Runs over one list after the other, `limit` letters in all. */
async function each(
  redis: RedisClient,
  all: readonly QueueKeys[],
  filter: DeadLetterFilter,
  run: (redis: RedisClient, keys: QueueKeys, filter: DeadLetterFilter) => Promise<number>,
): Promise<number> {
  let done = 0
  for (const keys of all) {
    done += await run(redis, keys, { ...filter, limit: (filter.limit ?? Number.POSITIVE_INFINITY) - done })
  }
  return done
}
