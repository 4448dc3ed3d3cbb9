import type { OperationName } from '../options'
import { createLogGroup } from './create-log-group'
import { createLogStream } from './create-log-stream'
import { describeLogGroups } from './describe-log-groups'
import { describeLogStreams } from './describe-log-streams'
import { filterLogEvents } from './filter-log-events'
import { getLogEvents } from './get-log-events'
import type { Operation } from './operation'
import { putLogEvents } from './put-log-events'
import { putRetentionPolicy } from './put-retention-policy'

const OPERATIONS: Readonly<Record<OperationName, Operation>> = {
  CreateLogGroup: createLogGroup,
  CreateLogStream: createLogStream,
  PutRetentionPolicy: putRetentionPolicy,
  DescribeLogGroups: describeLogGroups,
  DescribeLogStreams: describeLogStreams,
  PutLogEvents: putLogEvents,
  GetLogEvents: getLogEvents,
  FilterLogEvents: filterLogEvents,
}

export function operationNamed(name: string): Operation | undefined {
  return Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name as OperationName] : undefined
}
