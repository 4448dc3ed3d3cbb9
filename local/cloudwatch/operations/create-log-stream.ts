import { checkGroupName, checkStreamName } from '../limits'
import type { Operation } from './operation'

export const createLogStream: Operation = (fields, { store }) => {
  const group = fields.requiredString('logGroupName')
  const stream = fields.requiredString('logStreamName')
  checkGroupName(group)
  checkStreamName(stream)
  store.createStream(group, stream)
  return {}
}
