import { copyOwn } from '../event/copy-own'
import { problemOf } from '../report'
import { FIELDS, type Sender, sendEvent } from '../send-log'
import { type FieldValues, fieldValues } from './field-values'

const CALL = { method: 'fields', action: 'OBJ_FIELDS' }

/** OBJ_FIELDS: these properties had these values at this moment, whether they changed or not. */
export function sendFields(sender: Sender, instance: unknown, names: unknown, content: unknown): void {
  if (typeof instance !== 'object' || instance === null) {
    sendEvent(sender, { ...CALL, fields: content, instance, problem: 'the instance is no object' })
    return
  }
  if (!isNames(names)) {
    sendEvent(sender, { ...CALL, fields: content, instance, problem: 'the names are no list of property names' })
    return
  }
  const found = read(sender, instance, names)
  if (typeof found === 'string') {
    sendEvent(sender, { ...CALL, fields: content, instance, problem: found })
    return
  }
  const { values, masked, secrets, gaps } = found
  const described = describe(sender, instance)
  const own = copyOwn(content, FIELDS)
  const problems = [...found.problems, ...('values' in own ? ['values is a name of the event itself'] : [])]
  sendEvent(sender, {
    ...CALL,
    fields: content,
    instance,
    known: {
      ...(described && { instance: { ...described, fields: Object.keys(values) } }),
      content: { ...own, values },
      masked,
      secrets,
      ...(gaps.length > 0 && { coverageReason: gaps.join('; ') }),
    },
    problem: problems.length === 0 ? undefined : problems.join('; '),
  })
}

function isNames(names: unknown): names is readonly string[] {
  try {
    return Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === 'string' && name !== '')
  } catch {
    // A revoked proxy is not even a list or none.
    return false
  }
}

function read(sender: Sender, instance: object, names: readonly string[]): FieldValues | string {
  try {
    return fieldValues(instance, names, sender.dataSources ?? [])
  } catch (error) {
    return `the values could not be read: ${problemOf(error)}`
  }
}

/** Undefined when the application's object throws: `sendEvent` meets the same fault, and its event tells. */
function describe(sender: Sender, instance: object) {
  try {
    return sender.describeInstance(instance)
  } catch {
    return undefined
  }
}
