import type { Logger } from '../config/logger'
import { deniedError } from './denied'
import { CreateError, type Destination } from './destination'
import { outcomeOfError } from './put-outcome'

/**
 * Makes group and stream because a call said that they are missing. False when that cannot be had now: the next put
 * says that they are still missing, and it is tried again.
 *
 * @param askedAt when that call was made, by `performance.now()`
 * @throws AuditError naming the permission that is missing
 */
export async function makeDestination(destination: Destination, askedAt: number, logger: Logger): Promise<boolean> {
  try {
    await destination.create(askedAt)
    return true
  } catch (error) {
    if (!(error instanceof CreateError)) throw error
    const outcome = outcomeOfError(error.cause)
    if (outcome.kind === 'denied' || outcome.kind === 'refused') {
      const why = outcome.kind === 'denied' ? outcome.why : 'destination'
      throw deniedError(why, outcome.cause, error.operation, destination.where)
    }
    logger.warn({ err: error.cause }, 'log group or stream could not be created yet')
    return false
  }
}
