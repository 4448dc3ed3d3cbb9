import { checkGroupName, checkRetention } from '../limits'
import type { Operation } from './operation'

export const putRetentionPolicy: Operation = (fields, { store }) => {
  const name = fields.requiredString('logGroupName')
  const days = fields.requiredInteger('retentionInDays')
  checkGroupName(name)
  checkRetention(days)
  store.group(name).retentionDays = days
  return {}
}
