import type { AuditEvent } from '../../src/event/event'

/** An event that must arrive, as the story states it: written down by hand, never read from what was captured. */
export interface Expected {
  readonly action: string
  readonly who: string
  readonly organisation?: string
  /** Entity and name: `Invoice A-1001`. */
  readonly what?: string
  /** Of an update: the properties that changed. */
  readonly changed?: readonly string[]
}

export function textOfExpected({ action, who, organisation, what, changed }: Expected): string {
  return join([action, who, organisation, what, changed && [...changed].sort().join('+')])
}

/** The same text for an event that came to be. */
export function textOfEvent(event: AuditEvent): string {
  const { action, user, instance, changes } = event
  const changed = action === 'OBJ_UPDATE' ? Object.keys(changes ?? {}).sort() : undefined
  return join([action, whoOf(event), user?.organisation, instance && whatOf(event), changed?.join('+')])
}

/** The name, and what kind of actor it is unless a user. */
export function whoOf({ user }: AuditEvent): string {
  if (user?.username === undefined) return user?.type ?? 'unknown'
  return user.type === 'user' ? user.username : `${user.username} (${user.type})`
}

export function whatOf({ instance }: AuditEvent): string {
  if (instance === undefined) return ''
  const { model, name, pk } = instance
  if (name !== undefined) return `${model} ${name}`
  return pk === undefined ? model : `${model} #${pk}`
}

function join(parts: readonly (string | undefined)[]): string {
  return parts.map((part) => part ?? '-').join(' · ')
}
