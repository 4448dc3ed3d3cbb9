import type { EventCatalogue, SchemaIssue, StandardSchema } from '../../config/catalogue'
import { AuditError } from '../../config/errors'
import { copyOwn } from '../event/copy-own'
import { collectSecrets, maskText } from '../event/mask-text'
import { snapshot } from '../event/values'
import { problemOf } from '../report'
import { type Call, FIELDS, type Sender, sendEvent } from '../send-log'

const MOST_ISSUES = 5
/** Beyond it, names that come from outside could fill the memory of what was reported. */
const MOST_KINDS = 1_000

/**
 * Records an event if it fits the catalogue. If it does not, it is recorded all the same and says so, because it did
 * happen; only a strict catalogue refuses it.
 *
 * @throws AuditError `AUDIT_EVENT_UNKNOWN` or `AUDIT_EVENT_INVALID`, from a strict catalogue
 */
export function sendCatalogued(sender: Sender, call: Call): void {
  const { catalogue } = sender
  if (catalogue === undefined || typeof call.action !== 'string') {
    if (catalogue?.strict === true) throw unknown(call.method, `a ${typeof call.action}`)
    sendEvent(sender, call)
    return
  }
  const checked = check(catalogue, call.method, call.action, call.fields)
  if (checked instanceof AuditError) {
    if (catalogue.strict) throw checked
    const kind = sender.reports.counts.size < MOST_KINDS ? call.action : 'others'
    sender.reports.report(checked.code, checked.details, kind)
    sendEvent(sender, { ...call, known: { ...call.known, coverageReason: whyOf(checked) } })
    return
  }
  const content = Object.keys(checked).length === 0 ? undefined : checked
  sendEvent(sender, { ...call, known: { ...call.known, content } })
}

/** The content as its schema gives it, or what is wrong. */
function check(
  { schemas }: EventCatalogue,
  method: string,
  action: string,
  fields: unknown,
): Record<string, unknown> | AuditError {
  const schema = Object.hasOwn(schemas, action) ? schemas[action] : undefined
  if (schema === undefined) return unknown(method, action)
  const content = copyOwn(fields, FIELDS)
  const checked = validate(schema, content)
  if ('content' in checked) return checked.content
  // The schema's words may repeat what was given, and this goes to the application's log.
  const given = new Set<string>()
  collectSecrets(snapshot(content), given)
  return new AuditError('AUDIT_EVENT_INVALID', { method, action, problem: maskText(checked.problem, given) })
}

function validate(
  schema: StandardSchema,
  content: Record<string, unknown>,
): { content: Record<string, unknown> } | { problem: string } {
  try {
    const result = schema['~standard'].validate(content)
    if (result instanceof Promise) {
      // Nobody waits for an event, so nobody would hear its answer.
      result.catch(() => undefined)
      return { problem: 'the schema is asynchronous, which cannot be waited for' }
    }
    if (result.issues !== undefined) return { problem: result.issues.slice(0, MOST_ISSUES).map(textOf).join('; ') }
    const { value } = result
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { content: copyOwn(value) }
    return { problem: 'the schema makes no object of it' }
  } catch (error) {
    return { problem: `the schema throws ${problemOf(error)}` }
  }
}

function textOf({ message, path = [] }: SchemaIssue): string {
  const steps = path.map((step) => String(typeof step === 'object' ? step.key : step))
  return steps.length === 0 ? message : `${steps.join('.')}: ${message}`
}

function unknown(method: string, action: string): AuditError {
  return new AuditError('AUDIT_EVENT_UNKNOWN', { method, action })
}

function whyOf({ code, details }: AuditError): string {
  if (code === 'AUDIT_EVENT_UNKNOWN') return 'the action is not in the catalogue of events'
  return `the content does not match its schema: ${String(details.problem)}`
}
