import { AuditError } from '../../../config/errors'
import { loadSettings, type Settings } from '../../../config/settings'
import { keyedHash } from '../../event/keyed-hash'

const SHORTEST_KEY = 16

/**
 * Shows a session without giving it away: a keyed hash of its id, so that events of one session can be found and nobody
 * who reads them can take it over.
 *
 * @param given the key of the options; without it, that of the settings
 * @throws AuditError without a key that is long enough
 */
export function sessionHash(given: unknown, settings: Settings | undefined): (id: unknown) => string | undefined {
  const key = given ?? (settings ?? loadSettings()).maskKey
  if (typeof key !== 'string' || key.length < SHORTEST_KEY) {
    const problem = `it has no key of at least ${SHORTEST_KEY} characters, and the setting maskKey is not set`
    throw new AuditError('AUDIT_CONTEXT_OPTION_INVALID', { option: 'session', problem })
  }
  return (id) => (typeof id === 'string' && id !== '' ? keyedHash(id, key) : undefined)
}
