import { checkGroupName } from '../limits'
import type { Operation } from './operation'

export const createLogGroup: Operation = (fields, { store }) => {
  const name = fields.requiredString('logGroupName')
  checkGroupName(name)
  store.createGroup(name)
  return {}
}
