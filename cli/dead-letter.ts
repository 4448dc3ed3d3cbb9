import { AuditError } from '../config/errors'
import { loadSettings } from '../config/settings'
import { queueKeys } from '../src/queue/keys'
import { type DeadLetter, deadLetters, purgeDeadLetters, replayDeadLetters } from '../worker/dead-letters'
import type { Command } from './arguments'
import type { Output } from './output'
import { withRedis } from './redis'

/** Lists, replays or deletes dead letters. */
export async function deadLetter(command: Command, output: Output): Promise<number> {
  if (command.action === 'purge' && !command.yes) {
    throw new AuditError('AUDIT_COMMAND_INVALID', { problem: 'purge deletes events for good and needs --yes' })
  }
  const settings = loadSettings()
  const keys = queueKeys(settings.prefix)
  return withRedis(settings, async (redis) => {
    switch (command.action) {
      case 'replay': {
        const replayed = await replayDeadLetters(redis, keys)
        output.result({ replayed }, `${replayed} put back on the pending list; the next flush sends them`)
        return 0
      }
      case 'purge': {
        const purged = await purgeDeadLetters(redis, keys)
        output.result({ purged }, `${purged} deleted`)
        return 0
      }
      default: {
        const letters: DeadLetter[] = []
        for await (const letter of deadLetters(redis, keys)) letters.push(letter)
        const text = letters.map(({ at, reason, detail, event }) => `${at}  ${reason}: ${detail}\n  ${event}`)
        output.result({ deadLetters: letters }, text.join('\n') || 'There are no dead letters.')
        return 0
      }
    }
  })
}
