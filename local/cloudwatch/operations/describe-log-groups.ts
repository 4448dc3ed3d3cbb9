import { invalidParameter } from '../errors'
import { MAX_DESCRIBED } from '../limits'
import type { Group } from '../store'
import { describePage, groupArn, type Operation } from './operation'

export const describeLogGroups: Operation = (fields, { store }) => {
  const prefix = fields.string('logGroupNamePrefix')
  const pattern = fields.string('logGroupNamePattern')?.toLowerCase()
  if (prefix !== undefined && pattern !== undefined) {
    throw invalidParameter('logGroupNamePrefix and logGroupNamePattern cannot both be given.')
  }
  const limit = fields.limit('limit', MAX_DESCRIBED)
  const groups = [...store.groups.values()]
    .filter(({ name }) => name.startsWith(prefix ?? '') && name.toLowerCase().includes(pattern ?? ''))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const { page, ...next } = describePage(groups, fields, limit)
  return { logGroups: page.map(describe), ...next }
}

function describe(group: Group): object {
  return {
    logGroupName: group.name,
    creationTime: group.creationTime,
    ...(group.retentionDays !== undefined && { retentionInDays: group.retentionDays }),
    metricFilterCount: 0,
    storedBytes: 0,
    logGroupClass: 'STANDARD',
    arn: `${groupArn(group.name)}:*`,
    logGroupArn: groupArn(group.name),
  }
}
