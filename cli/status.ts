import { loadSettings } from '../config/settings'
import { queueKeys } from '../src/queue/keys'
import { type QueueStatus, readStatus } from '../worker/status'
import type { Command } from './arguments'
import { count, type Output } from './output'
import { withRedis } from './redis'

export async function status(_command: Command, output: Output): Promise<number> {
  const settings = loadSettings()
  const now = await withRedis(settings, (redis) => readStatus(redis, queueKeys(settings.prefix)))
  output.result(now, describe(now))
  return 0
}

function describe(now: QueueStatus): string {
  const { pending, inFlight, deferred, dead, oldestAgeMs, lastFlush } = now
  const lines = [
    `pending   ${pending}${inFlight > 0 ? ` (${inFlight} in flight)` : ''}`,
    `deferred  ${deferred}`,
    `dead      ${dead}`,
    `oldest    ${oldestAgeMs === null ? 'none' : `${(oldestAgeMs / 1000).toFixed(1)} s ago`}`,
  ]
  if (lastFlush === null) {
    lines.push('last flush  never', pending > 0 ? 'Start a worker: audit-logger worker' : 'Nothing was captured yet.')
  } else {
    const { at, outcome, stored, batches, error } = lastFlush
    lines.push(
      `last flush  ${at}: ${outcome}, ${stored} stored in ${count(batches, 'batch', 'batches')}${error ? `, ${error}` : ''}`,
    )
    if (error !== undefined) lines.push('Find the cause with: audit-logger check')
  }
  if (dead > 0) lines.push('Look at the dead letters: audit-logger dead-letter list')
  return lines.join('\n')
}
