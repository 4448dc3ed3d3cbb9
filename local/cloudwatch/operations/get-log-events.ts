import { checkStreamName, MAX_PAGE_EVENTS } from '../limits'
import { atHead, atTail, type Page, type Place, pageAt, readToken, writeToken } from '../paging'
import { type Operation, readGroupName, readTime, visible } from './operation'

/** `startTime` is inclusive, `endTime` exclusive; both tokens are always there, and repeat at the end. */
export const getLogEvents: Operation = (fields, context) => {
  const groupName = readGroupName(fields)
  const streamName = fields.requiredString('logStreamName')
  checkStreamName(streamName)
  const start = readTime(fields, 'startTime') ?? 0
  const end = readTime(fields, 'endTime') ?? Number.POSITIVE_INFINITY
  const limit = fields.limit('limit', MAX_PAGE_EVENTS)
  const token = fields.string('nextToken')
  const place = token === undefined ? (fields.boolean('startFromHead') ? atHead() : atTail()) : readToken(token)

  const stream = context.store.group(groupName).stream(streamName)
  const events = visible(stream.inOrder, context).filter(({ timestamp }) => timestamp >= start && timestamp < end)
  const page = pageAt(events, place, limit, context.options.emptyPages ?? 0)
  const [forward, backward] =
    place.direction === 'forward' ? [page.next, turned(page, place)] : [turned(page, place), page.next]
  return {
    events: page.events.map(({ timestamp, message, ingestionTime }) => ({ timestamp, message, ingestionTime })),
    nextForwardToken: writeToken(forward),
    nextBackwardToken: writeToken(backward),
  }
}

/** The token for the way back: from the other edge of the page. */
function turned(page: Page, place: Place): Place {
  const direction = place.direction === 'forward' ? 'backward' : 'forward'
  const edge = direction === 'backward' ? page.events[0] : page.events.at(-1)
  if (!edge) return { ...place, direction, empties: 0 }
  const sequence = direction === 'backward' ? edge.sequence : edge.sequence + 1
  return { direction, timestamp: edge.timestamp, sequence, empties: 0 }
}
