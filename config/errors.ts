import { ERRORS } from './error-table'

export { ERRORS }

export type ErrorCode = keyof typeof ERRORS

/** What an error is about: values that fill the `{…}` parts of its text. Never put a secret here. */
export type ErrorDetails = Readonly<Record<string, unknown>>

/**
 * Every error this package throws or reports.
 *
 * @example
 * catch (error) { if (error instanceof AuditError && error.code === 'AUDIT_SETTINGS_INVALID') … }
 */
export class AuditError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails
  readonly remedy: string

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: ErrorOptions) {
    const { what, remedy } = ERRORS[code]
    super(`${code}: ${fill(what, details)} ${fill(remedy, details)}`, options)
    this.name = 'AuditError'
    this.code = code
    this.details = details
    this.remedy = fill(remedy, details)
  }
}

function fill(text: string, details: ErrorDetails): string {
  return text.replace(/\{(\w+)\}/g, (hole, name: string) => (name in details ? String(details[name]) : hole))
}
