import { invalidParameter, violation } from '../errors'
import { MAX_DESCRIBED } from '../limits'
import type { Stream } from '../store'
import { describePage, groupArn, type Operation, readGroupName } from './operation'

export const describeLogStreams: Operation = (fields, { store }) => {
  const groupName = readGroupName(fields)
  const prefix = fields.string('logStreamNamePrefix')
  const orderBy = fields.string('orderBy') ?? 'LogStreamName'
  if (orderBy !== 'LogStreamName' && orderBy !== 'LastEventTime') {
    throw violation(orderBy, 'orderBy', 'satisfy enum value set: [LogStreamName, LastEventTime]')
  }
  if (orderBy === 'LastEventTime' && prefix !== undefined) {
    throw invalidParameter('Cannot order by LastEventTime with a logStreamNamePrefix.')
  }
  const limit = fields.limit('limit', MAX_DESCRIBED)
  const byName = (a: Stream, b: Stream) => (a.name < b.name ? -1 : 1)
  const byTime = (a: Stream, b: Stream) => lastEvent(a) - lastEvent(b) || byName(a, b)
  const streams = [...store.group(groupName).streams.values()]
    .filter(({ name }) => name.startsWith(prefix ?? ''))
    .sort(orderBy === 'LastEventTime' ? byTime : byName)
  if (fields.boolean('descending')) streams.reverse()
  const { page, ...next } = describePage(streams, fields, limit)
  return { logStreams: page.map((stream) => describe(groupName, stream)), ...next }
}

const lastEvent = (stream: Stream) => stream.inOrder.at(-1)?.timestamp ?? 0

function describe(groupName: string, stream: Stream): object {
  const [first, last, newest] = [stream.inOrder[0], stream.inOrder.at(-1), stream.arrived.at(-1)]
  return {
    logStreamName: stream.name,
    creationTime: stream.creationTime,
    ...(first && { firstEventTimestamp: first.timestamp }),
    ...(last && { lastEventTimestamp: last.timestamp }),
    ...(newest && { lastIngestionTime: newest.ingestionTime }),
    arn: `${groupArn(groupName)}:log-stream:${stream.name}`,
    storedBytes: 0,
  }
}
