import { copyOwn, member } from '../event/copy-own'
import { put } from '../event/put'
import { type Sender, sendEvent } from '../send-log'

/** OBJ_VIEWED: somebody was shown this. */
export function sendViewed(sender: Sender, instance: unknown, fields: unknown): void {
  const problem = instance === undefined || instance === null ? 'nothing was told of what was viewed' : undefined
  sendEvent(sender, { method: 'viewed', action: 'OBJ_VIEWED', fields, instance, problem })
}

/** DATA_EXPORTED: this left the application. */
export function sendExported(sender: Sender, what: unknown): void {
  const problems: string[] = []
  const type = typeName(member(what, 'type'))
  if (type === undefined) problems.push('the type is neither a text nor a class')
  for (const name of ['count', 'bytes']) {
    if (!isCount(member(what, name))) problems.push(`${name} is not a number of 0 or more`)
  }
  const fields = copyOwn(what)
  if (type !== undefined) put<unknown>(fields, 'type', type)
  const problem = problems.length === 0 ? undefined : problems.join('; ')
  sendEvent(sender, { method: 'exported', action: 'DATA_EXPORTED', fields, problem })
}

function typeName(type: unknown): string | undefined {
  const name: unknown = typeof type === 'function' ? type.name : type
  return typeof name === 'string' && name.trim() !== '' ? name : undefined
}

function isCount(value: unknown): boolean {
  if (value === undefined) return true
  return (typeof value === 'number' || typeof value === 'bigint') && value >= 0
}
