/** The operations that the endpoint knows. */
export type OperationName =
  | 'CreateLogGroup'
  | 'CreateLogStream'
  | 'PutRetentionPolicy'
  | 'DescribeLogGroups'
  | 'DescribeLogStreams'
  | 'PutLogEvents'
  | 'GetLogEvents'
  | 'FilterLogEvents'

export interface CloudWatchOptions {
  /** 0, the default, takes a free one. The endpoint listens on 127.0.0.1 only. */
  readonly port?: number
  /** The clock of every rule about time; real time by default. */
  readonly now?: () => number
  /** PutLogEvents only counts: no check, no memory. For benchmarks. */
  readonly sink?: boolean
  /** How long after a put the readers do not see the event yet, on `now()`'s clock. AWS: seconds, sometimes a minute. */
  readonly visibleAfterMs?: number
  /** How many empty pages come before every page of GetLogEvents and FilterLogEvents that holds something. */
  readonly emptyPages?: number
  /**
   * AWS's documentation can be read both ways: do events that the retention expires, but that are younger than 14 days,
   * count towards the span of 24 hours? No by default.
   */
  readonly spanIncludesExpired?: boolean
  /** Requests a second after which an operation is throttled; `true` takes AWS's defaults. Off by default. */
  readonly quotas?: true | Readonly<Partial<Record<OperationName, number>>>
}
