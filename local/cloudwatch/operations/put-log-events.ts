import { checkBytes, checkGroupName, checkOrder, checkSpan, checkStreamName, readEvents } from '../limits'
import { sortOut } from '../rejections'
import type { Operation } from './operation'

/** AWS ignores sequence tokens and still answers with one. */
const SEQUENCE_TOKEN = '49000000000000000000000000000000000000000000000000000000'

export const putLogEvents: Operation = (fields, { store, options }) => {
  const groupName = fields.requiredString('logGroupName')
  const streamName = fields.requiredString('logStreamName')
  checkGroupName(groupName)
  checkStreamName(streamName)
  const events = readEvents(fields.list('logEvents'))
  const group = store.group(groupName)
  const stream = group.stream(streamName)
  checkBytes(events)
  checkOrder(events)
  const { stored, inWindow, rejected } = sortOut(events, store.now(), group.retentionDays)
  checkSpan(options.spanIncludesExpired ? inWindow : stored)
  store.put(stream, stored)
  return { nextSequenceToken: SEQUENCE_TOKEN, ...(rejected && { rejectedLogEventsInfo: rejected }) }
}
