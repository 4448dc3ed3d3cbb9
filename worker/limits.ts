const HOUR = 60 * 60 * 1000

/**
 * What PutLogEvents accepts in one call.
 * @see https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
 */
export const PUT_LIMITS = {
  events: 10_000,
  /** UTF-8 bytes of all messages, with `perEvent` added for each. */
  bytes: 1_048_576,
  perEvent: 26,
  /** Between the earliest and the latest event. */
  spanMs: 24 * HOUR,
  /** Events further ahead of AWS's clock are rejected. */
  aheadMs: 2 * HOUR,
  /** Events older than that are rejected. */
  behindMs: 14 * 24 * HOUR,
  /** The shortest retention a log group can have: a younger event cannot be past it. */
  shortestRetentionMs: 24 * HOUR,
} as const
