import {
  CloudWatchLogsClient,
  type CloudWatchLogsClientConfig,
  PutLogEventsCommand,
  type PutLogEventsCommandOutput,
} from '@aws-sdk/client-cloudwatch-logs'
import { afterEach } from 'vitest'
import { type CloudWatchOptions, type LocalCloudWatch, startCloudWatch } from '../../local/cloudwatch'

export const GROUP = '/shop/audit'
export const STREAM = 'main'
export const NOW = Date.UTC(2026, 10, 20, 12)
export const HOUR = 3_600_000
export const DAY = 24 * HOUR

export interface LocalSetup {
  endpoint: LocalCloudWatch
  client: CloudWatchLogsClient
  put(events: readonly { timestamp: number; message: string }[]): Promise<PutLogEventsCommandOutput>
}

/** The real client, with invented credentials, against an endpoint of the test's own; both end with the test. */
export async function setUp(
  options: CloudWatchOptions = {},
  config: CloudWatchLogsClientConfig = {},
): Promise<LocalSetup> {
  const endpoint = await startCloudWatch({ now: () => NOW, ...options })
  endpoint.ensure(GROUP, STREAM)
  const client = new CloudWatchLogsClient({
    region: 'us-east-1',
    endpoint: endpoint.url,
    credentials: { accessKeyId: 'AKIAINVENTED', secretAccessKey: 'invented' },
    maxAttempts: 1,
    requestHandler: { requestTimeout: 10_000, throwOnRequestTimeout: true },
    ...config,
  })
  opened.push(async () => {
    client.destroy()
    await endpoint.close()
  })
  const put: LocalSetup['put'] = (events) =>
    client.send(new PutLogEventsCommand({ logGroupName: GROUP, logStreamName: STREAM, logEvents: [...events] }))
  return { endpoint, client, put }
}

const opened: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of opened.splice(0)) await close()
})

/** `count` events, one a millisecond, ending at `NOW`. */
export function events(count: number, message: (index: number) => string = (index) => `event ${index}`) {
  return Array.from({ length: count }, (_, index) => ({ timestamp: NOW - count + 1 + index, message: message(index) }))
}
