/** Why an event is a dead letter. */
export type DeadReason = 'not_an_event' | 'refused' | 'too_old' | 'expired'

/** The line before the element in a dead letter. */
export interface DeadHeader {
  readonly at: string
  readonly reason: DeadReason
  readonly detail: string
}

export function deadHeader(reason: DeadReason, detail: string): string {
  return JSON.stringify({ at: new Date().toISOString(), reason, detail } satisfies DeadHeader)
}
