import type { RedisClient } from '../src/queue/connection'
import type { QueueKeys } from '../src/queue/keys'
import { Script } from '../src/queue/script'
import type { DeadHeader } from './dead-letter'

/** A dead letter as it is shown: why, since when, and the element exactly as it was on the pending list. */
export interface DeadLetter extends DeadHeader {
  readonly event: string
}

const PAGE = 500
const replay = new Script('replay')

/** All dead letters, oldest first. */
export async function* deadLetters(redis: RedisClient, keys: QueueKeys): AsyncGenerator<DeadLetter> {
  for (let start = 0; ; start += PAGE) {
    const page = await redis.lrange(keys.dead, start, start + PAGE - 1)
    for (const letter of page) yield readDeadLetter(letter)
    if (page.length < PAGE) return
  }
}

function readDeadLetter(letter: string): DeadLetter {
  const end = letter.indexOf('\n')
  return { ...(JSON.parse(letter.slice(0, end)) as DeadHeader), event: letter.slice(end + 1) }
}

/** Puts every dead letter of this moment back on the pending list, unchanged; returns how many. */
export async function replayDeadLetters(redis: RedisClient, keys: QueueKeys): Promise<number> {
  const all = await redis.llen(keys.dead)
  let done = 0
  while (done < all) {
    const moved = Number(await replay.run(redis, [keys.pending, keys.dead], [Math.min(PAGE, all - done)]))
    if (moved === 0) break
    done += moved
  }
  return done
}

/** Deletes every dead letter; returns how many. */
export async function purgeDeadLetters(redis: RedisClient, keys: QueueKeys): Promise<number> {
  const replies = await redis.multi().llen(keys.dead).del(keys.dead).exec()
  return Number(replies?.[0]?.[1] ?? 0)
}
