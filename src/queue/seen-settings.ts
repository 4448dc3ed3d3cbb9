import type { RedisClient } from './connection'
import type { QueueKeys } from './keys'
import type { SettingsNote } from './queue'
import { Script } from './script'

const seenSettings = new Script('seen-settings')

/**
 * Notes the settings of this process in Redis; if others were noted there before, their event goes on the pending list
 * in the same step. Repeating it after a lost reply changes nothing. `overtaken`: another process came in between.
 */
export async function exchangeSettings(
  redis: RedisClient,
  keys: Pick<QueueKeys, 'tag' | 'pending'>,
  { settings, lineFor }: SettingsNote,
): Promise<'same' | 'told' | 'overtaken'> {
  const key = `${keys.tag}:settings`
  const before = (await redis.get(key)) ?? ''
  if (before === settings) return 'same'
  const line = before === '' ? '' : lineFor(before)
  const done = (await seenSettings.run(redis, [key, keys.pending], [before, settings, line])) === 1
  if (!done) return 'overtaken'
  return line === '' ? 'same' : 'told'
}
