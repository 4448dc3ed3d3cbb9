import { type CloudWatchLogsClient, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs'
import type { Finding } from './check'

/** AWS refuses signatures that are five minutes off, and the SDK corrects them silently: this says it before. */
const MOST_SKEW_MS = 60_000

/** Compares this machine's clock with the `Date` of an answer of AWS (whole seconds). */
export async function checkClock(client: CloudWatchLogsClient): Promise<Finding> {
  let date: string | undefined
  client.middlewareStack.add(
    (next) => async (args) => {
      const answer = await next(args)
      const { headers } = answer.response as { headers?: Record<string, string> }
      date = headers?.date
      return answer
    },
    // The last step before the wire, so that an answer that is an error is seen as well.
    { step: 'finalizeRequest', priority: 'low', name: 'readDate' },
  )
  await client.send(new DescribeLogGroupsCommand({ limit: 1 })).catch(() => undefined)
  client.middlewareStack.remove('readDate')
  if (date === undefined) return { name: 'clock of AWS', result: 'not_tried', detail: 'AWS gave no answer' }
  const skewMs = Date.parse(date) - Date.now()
  const result = Math.abs(skewMs) > MOST_SKEW_MS ? 'failed' : 'ok'
  return { name: 'clock of AWS', result, detail: `AWS is ${Math.round(skewMs / 1000)} s ahead of this machine` }
}
