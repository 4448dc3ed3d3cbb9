import { type CloudWatchLogsClient, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs'
import { AuditError } from '../config/errors'
import type { Logger } from '../config/logger'

const DAY_MS = 24 * 60 * 60 * 1000
/** CloudWatch takes no event that is older, whatever the group's retention. */
const OLDEST_MS = 14 * DAY_MS
const MARKS = [80, 50] as const
/** The retention of a group changes by hand, once in years. */
const RETENTION_EVERY_MS = 60 * 60 * 1000

/** Warns when the oldest pending event comes near the age at which CloudWatch takes it no more. */
export class AgeWatch {
  readonly #client: CloudWatchLogsClient
  readonly #groupName: string
  readonly #logger: Logger
  readonly #clock: () => number
  #retentionMs: number | undefined
  #askedAt = Number.NEGATIVE_INFINITY
  /** The mark that was warned of last; 0 when none is passed. */
  #said = 0

  constructor(client: CloudWatchLogsClient, groupName: string, logger: Logger, clock: () => number = Date.now) {
    this.#client = client
    this.#groupName = groupName
    this.#logger = logger
    this.#clock = clock
  }

  /** @param oldestAgeMs of the oldest pending event, null when there is none */
  async look(oldestAgeMs: number | null): Promise<void> {
    const ageMs = oldestAgeMs ?? 0
    // No retention is shorter than a day, so a young backlog needs no question to AWS.
    if (ageMs < (DAY_MS * 50) / 100) {
      this.#said = 0
      return
    }
    await this.#askRetention()
    const limitMs = Math.min(OLDEST_MS, this.#retentionMs ?? OLDEST_MS)
    const percent = Math.floor((ageMs / limitMs) * 100)
    const mark = MARKS.find((one) => percent >= one) ?? 0
    if (mark > this.#said) this.#warn(ageMs, limitMs, percent)
    this.#said = mark
  }

  #warn(ageMs: number, limitMs: number, percent: number): void {
    const days = limitMs / DAY_MS
    const why = limitMs === OLDEST_MS ? 'what CloudWatch accepts' : 'the retention of the log group'
    const age = `${(ageMs / DAY_MS).toFixed(1)} days`
    const details = { age, percent, limit: days === 1 ? '1 day' : `${days} days`, why }
    const error = new AuditError('AUDIT_BACKLOG_OLD', details)
    this.#logger[percent >= MARKS[0] ? 'error' : 'warn'](
      { code: error.code, oldestAgeMs: ageMs, percent },
      error.message,
    )
  }

  /** Without an answer (no permission, no network) the 14 days still hold. */
  async #askRetention(): Promise<void> {
    if (this.#clock() - this.#askedAt < RETENTION_EVERY_MS) return
    this.#askedAt = this.#clock()
    try {
      let nextToken: string | undefined
      do {
        const page = await this.#client.send(
          new DescribeLogGroupsCommand({
            logGroupNamePrefix: this.#groupName,
            ...(nextToken !== undefined && { nextToken }),
          }),
        )
        const group = page.logGroups?.find(({ logGroupName }) => logGroupName === this.#groupName)
        if (group !== undefined) {
          this.#retentionMs = group.retentionInDays === undefined ? undefined : group.retentionInDays * DAY_MS
          return
        }
        nextToken = page.nextToken
      } while (nextToken !== undefined)
      this.#retentionMs = undefined // There is no group yet.
    } catch (error) {
      this.#logger.debug({ err: error }, 'the retention of the log group could not be read')
    }
  }
}
