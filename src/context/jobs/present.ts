import type { Actor, AuditEvent } from '../../event/event'

/** What an event tells of who, on whose behalf and from where: as much of a context as another process may know. */
export interface Present {
  /** With the organisation. Absent where nothing is known of how the code came to run. */
  user?: Actor
  requestId?: string
  traceId?: string
}

/** Read off an event's line, so that what travels is masked like an event, and never says more than one. */
export function presentIn(line: string): Present {
  const { user, request, trace_id } = JSON.parse(line) as AuditEvent
  return {
    ...(user !== undefined && { user }),
    ...(typeof request?.id === 'string' && { requestId: request.id }),
    ...(trace_id !== undefined && { traceId: trace_id }),
  }
}

/** How long it is waited for an organisation that must be loaded: the pool may have no connection left for us. */
const WAIT_MS = 1_000

/** What was found within the bound, else nothing: a job that is added must not wait for long. */
export async function foundSoon<T extends object>(finding: Promise<T>): Promise<T | Record<string, never>> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Record<string, never>>((resolve) => {
    timer = setTimeout(() => resolve({}), WAIT_MS)
  })
  try {
    return await Promise.race([finding, late])
  } finally {
    clearTimeout(timer)
  }
}
