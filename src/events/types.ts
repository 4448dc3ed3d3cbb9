import type { EventSchemas, StandardSchema } from '../../config/catalogue'
import type { LogFields, Told } from '../event-logger'

/** Any action with any fields: the events of a logger without a catalogue. */
export type AnyEvents = EventSchemas

/** The names of the events. */
export type EventName<Events extends EventSchemas> = keyof Events & string

/** What a schema takes. */
export type ContentOf<Schema extends StandardSchema> = NonNullable<Schema['~standard']['types']>['input']

/** The fields of an event: what may be told of any, and the content that its schema takes. */
export type FieldsOf<Schema extends StandardSchema> =
  unknown extends ContentOf<Schema> ? LogFields : Told & ContentOf<Schema>

/** The fields may be left out when nothing in the content is required. */
export type EventArguments<Schema extends StandardSchema> =
  unknown extends ContentOf<Schema>
    ? [fields?: LogFields]
    : Partial<ContentOf<Schema>> extends ContentOf<Schema>
      ? [fields?: FieldsOf<Schema>]
      : [fields: FieldsOf<Schema>]
