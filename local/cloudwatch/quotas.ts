import type { CloudWatchOptions, OperationName } from './options'

/** AWS's default quotas, requests a second. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html */
const AWS_QUOTAS: Readonly<Record<OperationName, number>> = {
  CreateLogGroup: 10,
  CreateLogStream: 50,
  PutRetentionPolicy: 5,
  DescribeLogGroups: 10,
  DescribeLogStreams: 25,
  PutLogEvents: 5_000,
  GetLogEvents: 25,
  FilterLogEvents: 25,
}

/** Counts the requests of every operation in windows of one second. */
export class Quotas {
  readonly #quotas: Readonly<Record<string, number | undefined>>
  readonly #now: () => number
  readonly #windows = new Map<string, { second: number; count: number }>()

  constructor(quotas: CloudWatchOptions['quotas'], now: () => number) {
    this.#quotas = quotas === true ? AWS_QUOTAS : (quotas ?? {})
    this.#now = now
  }

  /** Counts a request; false when it is one too many. */
  allow(operation: string): boolean {
    const quota = this.#quotas[operation]
    if (quota === undefined) return true
    const second = Math.floor(this.#now() / 1000)
    const window = this.#windows.get(operation)
    const count = window?.second === second ? window.count + 1 : 1
    this.#windows.set(operation, { second, count })
    return count <= quota
  }
}
