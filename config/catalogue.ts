/**
 * Standard Schema, version 1 (https://standardschema.dev), as far as it is used here: zod, valibot, arktype and others
 * implement it, so that none of them has to be installed.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** What the content of each event must be, by action. */
export type EventSchemas = Readonly<Record<string, StandardSchema>>

/** The events that an application knows; `defineEvents` makes it. */
export interface EventCatalogue<Events extends EventSchemas = EventSchemas> {
  readonly schemas: Events
  /** Whether a call with an unknown action or wrong content is refused with an error. */
  readonly strict: boolean
}

export function isCatalogue(value: unknown): value is EventCatalogue {
  if (typeof value !== 'object' || value === null) return false
  const { schemas, strict } = value as Partial<EventCatalogue>
  return typeof schemas === 'object' && schemas !== null && typeof strict === 'boolean'
}
