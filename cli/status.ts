import { setTimeout as delay } from 'node:timers/promises'
import { loadSettings, type Settings } from '../config/settings'
import { type FleetStatus, readFleetStatus } from '../worker/status'
import type { Command } from './arguments'
import { count, type Output } from './output'
import { withRedis } from './redis'

/** Clears the terminal and goes to its first line. */
const REDRAW = '\u001b[H\u001b[2J\u001b[3J'

export async function status(command: Command, output: Output): Promise<number> {
  const settings = loadSettings()
  if (command.watch) return watch(settings, command.everySeconds, output)
  const now = await look(settings)
  output.result(now, describe(now))
  return 0
}

function look(settings: Settings): Promise<FleetStatus> {
  return withRedis(settings, (redis) => readFleetStatus(redis, settings))
}

/** Shows the status again and again until SIGINT or SIGTERM, also while Redis is gone. */
async function watch(settings: Settings, everySeconds: number, output: Output): Promise<number> {
  const end = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      end.abort()
      // A look at a Redis that does not answer takes seconds, and nothing that it finds is wanted any more.
      setTimeout(() => process.exit(0), 500).unref()
    })
  }
  const redraws = process.stdout.isTTY === true && !output.json
  while (!end.signal.aborted) {
    try {
      const now = await look(settings)
      const at = new Date().toISOString()
      if (redraws) output.text(`${REDRAW}${at}  every ${everySeconds} s, end with Ctrl-C\n\n${describe(now)}`)
      else output.result({ at, ...now }, `${at}  ${describeShortly(now)}`)
    } catch (error) {
      if (!end.signal.aborted) output.failure(error)
    }
    await delay(everySeconds * 1_000, undefined, { signal: end.signal }).catch(() => undefined)
  }
  return 0
}

function describe(now: FleetStatus): string {
  const { pending, inFlight, deferred, dead, oldestAgeMs, lastFlush, shards = [] } = now
  const lines = [
    `pending   ${pending}${inFlight > 0 ? ` (${inFlight} in flight)` : ''}`,
    `deferred  ${deferred}`,
    `dead      ${dead}`,
    `oldest    ${oldestAgeMs === null ? 'none' : `${(oldestAgeMs / 1000).toFixed(1)} s ago`}`,
    ...shards.map((list) => `  ${list.list}  ${describeShortly(list)}`),
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

/** On one line: a list among others, or one look of `--watch` where nothing can be redrawn. */
function describeShortly({ pending, inFlight, deferred, dead, oldestAgeMs, lastFlush }: FleetStatus): string {
  const oldest = oldestAgeMs === null ? '' : `, oldest ${(oldestAgeMs / 1000).toFixed(1)} s`
  const flush = lastFlush === null ? 'never' : `${lastFlush.outcome}${lastFlush.error ? ` (${lastFlush.error})` : ''}`
  return `${pending} pending, ${inFlight} in flight, ${deferred} deferred, ${dead} dead${oldest}, last flush ${flush}`
}
