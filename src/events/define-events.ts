import { type EventCatalogue, type EventSchemas, isCatalogue, type StandardSchema } from '../../config/catalogue'
import { AuditError } from '../../config/errors'
import type { Told } from '../event-logger'
import type { ContentOf } from './types'

export interface DefineOptions {
  /** Refuse unknown names and wrong content with an error, instead of recording them with a remark. */
  strict?: boolean | undefined
}

/** A schema whose content is an object that has none of the names that an event has itself. */
type Checked<Schema> = Schema extends StandardSchema
  ? unknown extends ContentOf<Schema>
    ? Schema
    : keyof ContentOf<Schema> & keyof Told extends never
      ? Schema
      : { readonly 'a name of the event itself, which no content can have': keyof ContentOf<Schema> & keyof Told }
  : never

const ACCEPTED =
  'an object of names and schemas of zod or any other implementation of Standard Schema 1, and { strict }'

/**
 * The events that an application knows, with what their content must be. Given to `new AuditLogger({ events })` it
 * makes their names known to the compiler, and checks each event when it is made.
 *
 * @throws AuditError `AUDIT_CATALOGUE_INVALID` where the catalogue is defined, if it cannot be used
 *
 * @example
 * const events = defineEvents({ INVOICE_SENT: z.object({ to: z.email(), copies: z.int().optional() }) }, { strict: true })
 * const audit = new AuditLogger({ events })
 * audit.event('INVOICE_SENT', { instance: invoice, to: 'ann@example.org' })
 */
export function defineEvents<const Events extends EventSchemas>(
  schemas: Events & { readonly [Name in keyof Events]: Checked<Events[Name]> },
  { strict = false }: DefineOptions = {},
): EventCatalogue<Events> {
  if (typeof schemas !== 'object' || schemas === null) throw invalid('the argument', schemas)
  const catalogue: EventCatalogue<Events> = { schemas: Object.freeze({ ...(schemas as Events) }), strict }
  if (!isCatalogue(catalogue)) throw invalid('strict', strict)
  for (const [action, schema] of Object.entries(catalogue.schemas)) {
    if (action.trim() === '') throw invalid('a name', action)
    if (!isSchema(schema)) throw invalid(action, schema)
  }
  return Object.freeze(catalogue)
}

function isSchema(value: unknown): boolean {
  // Some schemas are functions (arktype).
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const standard = (value as Partial<StandardSchema>)['~standard']
  return standard?.version === 1 && typeof standard.validate === 'function'
}

function invalid(action: string, given: unknown): AuditError {
  const kind = given === null || given === undefined ? String(given) : `a ${typeof given} that cannot be used`
  return new AuditError('AUDIT_CATALOGUE_INVALID', { action, given: kind, accepted: ACCEPTED })
}
