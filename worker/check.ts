import {
  type CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  GetLogEventsCommand,
  PutLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs'
import type { WorkerSettings } from '../config/settings'
import { outcomeOfError } from './put-outcome'

/** One thing that was tried. `not_tried`: trying it would have changed something. */
export interface Finding {
  readonly name: string
  readonly result: 'ok' | 'failed' | 'not_tried'
  readonly detail: string
}

type Probe = () => Promise<Omit<Finding, 'name'>>

const ok = (detail: string): Omit<Finding, 'name'> => ({ result: 'ok', detail })
const failed = (detail: string): Omit<Finding, 'name'> => ({ result: 'failed', detail })
const notTried = (detail: string): Omit<Finding, 'name'> => ({ result: 'not_tried', detail })

/**
 * Tries credentials, group, stream and every permission the worker needs, and changes nothing: a permission to create
 * is tried by creating what exists already, that to write by a call without events, which CloudWatch refuses only after
 * it has checked the permission.
 */
export async function checkCloudWatch(client: CloudWatchLogsClient, settings: WorkerSettings): Promise<Finding[]> {
  const logGroupName = settings.groupName
  const name = { logGroupName, logStreamName: settings.streamName }
  const found = { group: false, stream: false }
  const probes: [string, Probe][] = [
    ['credentials', async () => ok(`key ${hideKey((await client.config.credentials()).accessKeyId)}`)],
    [
      'logs:DescribeLogGroups',
      async () => {
        const { logGroups } = await client.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: logGroupName }))
        found.group = logGroups?.some((group) => group.logGroupName === logGroupName) ?? false
        return ok(found.group ? `group ${logGroupName} exists` : `group ${logGroupName} will be created by the worker`)
      },
    ],
    [
      'logs:DescribeLogStreams',
      async () => {
        if (!found.group) return notTried('there is no group to look into')
        const ask = new DescribeLogStreamsCommand({ logGroupName, logStreamNamePrefix: name.logStreamName })
        const { logStreams } = await client.send(ask)
        found.stream = logStreams?.some((stream) => stream.logStreamName === name.logStreamName) ?? false
        return ok(found.stream ? `stream ${name.logStreamName} exists` : 'the stream will be created by the worker')
      },
    ],
    ['logs:PutLogEvents', () => allowed(client.send(new PutLogEventsCommand({ ...name, logEvents: [] })))],
    ['logs:GetLogEvents', () => allowed(client.send(new GetLogEventsCommand({ ...name, limit: 1 })))],
    [
      'logs:CreateLogGroup',
      async () =>
        found.group
          ? allowed(client.send(new CreateLogGroupCommand({ logGroupName })))
          : notTried('trying it would create the group'),
    ],
    [
      'logs:CreateLogStream',
      async () =>
        found.stream
          ? allowed(client.send(new CreateLogStreamCommand(name)))
          : notTried('trying it would create the stream'),
    ],
    ['logs:PutRetentionPolicy', async () => notTried('trying it would change the group; used only when it is created')],
  ]
  const findings: Finding[] = []
  for (const [probe, run] of probes) findings.push({ name: probe, ...(await attempt(run)) })
  return findings
}

async function attempt(run: Probe): Promise<Omit<Finding, 'name'>> {
  try {
    return await run()
  } catch (error) {
    const outcome = outcomeOfError(error)
    return failed('cause' in outcome ? outcome.cause : outcome.kind)
  }
}

/** Any answer but a refusal of the caller means that the call itself is permitted. */
async function allowed(call: Promise<unknown>): Promise<Omit<Finding, 'name'>> {
  try {
    await call
    return ok('permitted')
  } catch (error) {
    const isAnswer = error instanceof Error && /^(InvalidParameter|Resource(NotFound|AlreadyExists))/.test(error.name)
    const outcome = outcomeOfError(error)
    if (isAnswer || outcome.kind === 'missing' || outcome.kind === 'refused') return ok('permitted')
    return failed('cause' in outcome ? outcome.cause : outcome.kind)
  }
}

function hideKey(key: string): string {
  return `…${key.slice(-4)}`
}
