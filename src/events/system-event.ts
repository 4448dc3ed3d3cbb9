import { contextNode } from '../context/context'
import { member } from '../event/copy-own'
import { LEVELS } from '../event-logger'
import { type Sender, sendEvent } from '../send-log'

const FAILURES: ReadonlySet<unknown> = new Set(['error', 'critical'])

/** SYSTEM_EVENT: something that happened to the application itself. */
export function sendSystem(sender: Sender, what: unknown): void {
  const level = member(what, 'level')
  const title = member(what, 'title')
  const problems: string[] = []
  if (!(LEVELS as readonly unknown[]).includes(level)) problems.push(`the level is none of ${LEVELS.join(', ')}`)
  if (typeof title !== 'string' || title.trim() === '') problems.push('the title is no text')
  const outcome = FAILURES.has(level) && member(what, 'outcome') === undefined
  sendEvent(sender, {
    method: 'system',
    action: 'SYSTEM_EVENT',
    fields: what,
    known: { ...bySystem(member(what, 'user')), ...(outcome && { outcome: 'failure' }) },
    problem: problems.length === 0 ? undefined : problems.join('; '),
  })
}

/** Outside of any request or job nobody else can have done it. */
export function bySystem(user?: unknown): { actor?: { type: 'system' } } {
  const nobody = user === undefined || user === null
  return nobody && contextNode() === undefined ? { actor: { type: 'system' } } : {}
}
