import { type AuditEvent, EVENT_VERSION } from '../../src/event/event'
import { isoDate, newEventId } from '../../src/event/serialise'
import type { Observation } from '../../src/recorder'

const FIELDS = ['id', 'number', 'customer', 'total', 'status', 'paidAt']

/** What a capture path tells the recorder of an invoice that was paid. As a line it has about 600 bytes. */
export function sampleObservation(number: number): Observation {
  return {
    action: 'OBJ_UPDATE',
    user: undefined,
    actor: { pk: '42', type: 'user', username: 'jane.doe', is_staff: true, is_superuser: false, ip: '203.0.113.7' },
    instance: {
      model: 'Invoice',
      table: 'invoice',
      pk: String(number),
      name: `Invoice ${number}`,
      fields: FIELDS,
      timestamp: '2026-11-20T10:00:00.123Z',
    },
    changes: {
      total: { from: '120.00', to: `${number}.50` },
      status: { from: 'open', to: 'paid' },
      paidAt: { from: null, to: '2026-11-20T10:00:00.123Z' },
    },
    content: { source: 'back office', batch: number, note: 'Zahlung eingegangen: Überweisung' },
  }
}

/** The same as a finished event. */
export function sampleEvent(number: number, at = Date.now()): AuditEvent {
  const { action, actor, instance, changes, content } = sampleObservation(number)
  return {
    v: EVENT_VERSION,
    id: newEventId(),
    date: isoDate(at),
    action,
    instance,
    changes,
    content,
    user: actor,
  } as AuditEvent
}
