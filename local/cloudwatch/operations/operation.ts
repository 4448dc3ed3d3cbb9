import { invalidParameter } from '../errors'
import type { Fields } from '../fields'
import { checkGroupName } from '../limits'
import type { CloudWatchOptions } from '../options'
import type { Store, StoredEvent } from '../store'

export interface OperationContext {
  readonly store: Store
  readonly options: CloudWatchOptions
}

/** One operation of the API: reads its request, answers with the response's members, throws an AwsError. */
export type Operation = (fields: Fields, context: OperationContext) => object

const REGION_ACCOUNT = 'us-east-1:000000000000'

export const groupArn = (group: string) => `arn:aws:logs:${REGION_ACCOUNT}:log-group:${group}`

/** The group of a read: exactly one of `logGroupName` and `logGroupIdentifier`, the latter a name or an ARN. */
export function readGroupName(fields: Fields): string {
  const [name, identifier] = [fields.string('logGroupName'), fields.string('logGroupIdentifier')]
  if ((name === undefined) === (identifier === undefined)) {
    throw invalidParameter('Exactly one of logGroupName and logGroupIdentifier must be given.')
  }
  const group = name ?? (identifier as string).replace(/^arn:[^:]*:logs:[^:]*:[^:]*:log-group:/, '').replace(/:\*$/, '')
  checkGroupName(group, name === undefined ? 'logGroupIdentifier' : 'logGroupName')
  return group
}

/** A number that must not be negative, as `startTime` and `endTime`. */
export function readTime(fields: Fields, name: string): number | undefined {
  const time = fields.integer(name)
  if (time !== undefined && time < 0) throw invalidParameter(`${name} must be greater than or equal to 0.`)
  return time
}

/** The events that readers see yet. */
export function visible(events: readonly StoredEvent[], { store, options }: OperationContext): readonly StoredEvent[] {
  const delay = options.visibleAfterMs ?? 0
  if (delay === 0) return events
  const newest = store.now() - delay
  return events.filter((event) => event.ingestionTime <= newest)
}

/** Offset paging of the describe operations. */
export function describePage<T>(items: readonly T[], fields: Fields, limit: number): { page: T[]; nextToken?: string } {
  const token = fields.string('nextToken')
  const from = token === undefined ? 0 : Number(/^next-(\d+)$/.exec(token)?.[1])
  if (Number.isNaN(from)) throw invalidParameter('The specified nextToken is invalid.')
  const page = items.slice(from, from + limit)
  return from + limit < items.length ? { page, nextToken: `next-${from + limit}` } : { page }
}
