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
  spanMs: 24 * 60 * 60 * 1000,
  /** Events further ahead of AWS's clock are rejected. */
  aheadMs: 2 * 60 * 60 * 1000,
} as const
