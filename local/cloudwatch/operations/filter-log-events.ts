import { invalidParameter } from '../errors'
import type { Fields } from '../fields'
import { compilePattern } from '../filter-pattern'
import { MAX_PAGE_EVENTS } from '../limits'
import { atHead, atTail, pageAt, readToken, writeToken } from '../paging'
import type { Group, StoredEvent, Stream } from '../store'
import { type Operation, readGroupName, readTime, visible } from './operation'

/** AWS refuses newest-first reading of anything older. */
const NEWEST_FIRST_SINCE = Date.UTC(2024, 0, 1)

/**
 * All streams of a group, or some, interleaved by time. Unlike GetLogEvents `endTime` is inclusive here ("events with a
 * timestamp later than this time are not returned"), and the last page has no token.
 */
export const filterLogEvents: Operation = (fields, context) => {
  const groupName = readGroupName(fields)
  const start = readTime(fields, 'startTime') ?? 0
  const end = readTime(fields, 'endTime') ?? Number.POSITIVE_INFINITY
  const limit = fields.limit('limit', MAX_PAGE_EVENTS)
  const matches = compilePattern(fields.string('filterPattern'))
  const token = fields.string('nextToken')
  const newestFirst = fields.boolean('startFromHead') === false
  if (token === undefined && newestFirst && start < NEWEST_FIRST_SINCE) {
    throw invalidParameter('startFromHead may be false only with a startTime on or after Jan 1, 2024 00:00:00 UTC.')
  }
  const place = token === undefined ? (newestFirst ? atTail() : atHead()) : readToken(token)

  const emptyPages = context.options.emptyPages ?? 0
  const names = new Map<StoredEvent, string>()
  for (const stream of chooseStreams(context.store.group(groupName), fields)) {
    for (const event of visible(stream.inOrder, context)) {
      const { timestamp, message } = event
      if (timestamp >= start && timestamp <= end && matches(message)) names.set(event, stream.name)
    }
  }
  const events = [...names.keys()].sort((a, b) => a.timestamp - b.timestamp || a.sequence - b.sequence)
  const page = pageAt(events, place, limit, emptyPages)
  // With empty pages asked for, the last page that holds something still has a token: the end shows only afterwards.
  const finished = page.end && (emptyPages === 0 || page.events.length === 0)
  const shown = place.direction === 'forward' ? page.events : [...page.events].reverse()
  return {
    events: shown.map((event) => describe(event, names.get(event))),
    searchedLogStreams: [],
    ...(!finished && { nextToken: writeToken(page.next) }),
  }
}

function chooseStreams(group: Group, fields: Fields): Iterable<Stream> {
  const [names, prefix] = [fields.strings('logStreamNames'), fields.string('logStreamNamePrefix')]
  if (names !== undefined && prefix !== undefined) {
    throw invalidParameter('logStreamNames and logStreamNamePrefix cannot both be given.')
  }
  if (names !== undefined) return names.map((name) => group.stream(name))
  return [...group.streams.values()].filter(({ name }) => name.startsWith(prefix ?? ''))
}

function describe(event: StoredEvent, logStreamName: string | undefined): object {
  const { timestamp, message, ingestionTime, sequence } = event
  const eventId = `${timestamp}`.padStart(28, '0') + `${sequence}`.padStart(28, '0')
  return { logStreamName, timestamp, message, ingestionTime, eventId }
}
