import { AuditError } from '../../config/errors'
import type { AnyLogger } from '../event-logger'
import { parameterNames } from './parameter-names'

/** Who records: the global logger unless given. */
export type AuditedBy = Pick<AnyLogger, 'sender'>

/** What `@Audited` takes. */
export interface AuditedOptions<This = never> {
  /**
   * The arguments that the event shows: indices or names of parameters, or an object of names and indices. None unless
   * given.
   */
  arguments?: readonly (number | string)[] | Readonly<Record<string, number>> | undefined
  /** What it was done to: an argument by index or name, or a function of the method's own object and its arguments. */
  instance?: number | string | ((self: This, values: readonly unknown[]) => unknown) | undefined
  /** The logger, or a function of the method's own object that returns it; the global one unless given. */
  audit?: AuditedBy | ((self: This) => AuditedBy | undefined) | undefined
}

/** The options, checked. */
export interface Audited {
  readonly shown: readonly (readonly [name: string, index: number])[]
  readonly instance?: number | ((self: never, values: readonly unknown[]) => unknown) | undefined
  readonly audit?: AuditedBy | ((self: never) => AuditedBy | undefined) | undefined
}

type Refuse = (option: string, given: unknown, accepted: string) => never

/** @throws AuditError naming the method, what was given and what is accepted */
export function checkAudited(
  method: (...values: never[]) => unknown,
  name: string,
  action: unknown,
  options: unknown,
): Audited {
  const refuse: Refuse = (option, given, accepted) => {
    throw new AuditError('AUDIT_AUDITED_INVALID', { method: name, option, given: show(given), accepted })
  }
  if (typeof action !== 'string' || action.trim() === '') refuse('the action', action, 'a name, such as INVOICE_PAID')
  if (options === undefined) return { shown: [] }
  if (typeof options !== 'object' || options === null) refuse('the options', options, 'an object')
  const { arguments: chosen, instance, audit, ...unknown } = options as Record<string, unknown>
  for (const [option, given] of Object.entries(unknown)) refuse(option, given, 'arguments, instance and audit')
  const names = parameterNames(method)
  const indexOf = (option: string, one: unknown): number => {
    const index = typeof one === 'string' ? names.indexOf(one) : one
    if (typeof index === 'number' && Number.isInteger(index) && index >= 0) return index
    const known = names.filter((parameter) => parameter !== undefined).join(', ')
    return refuse(option, one, `an index, or the name of a parameter (${known || 'none can be read from its source'})`)
  }
  if (audit !== undefined && typeof audit !== 'function' && !isRecorder(audit)) refuse('audit', audit, ACCEPTED_LOGGER)
  const fixed = typeof instance === 'function' || instance === undefined
  return {
    shown: shownOf(chosen, names, indexOf, refuse),
    instance: fixed ? (instance as Audited['instance']) : indexOf('instance', instance),
    audit: audit as Audited['audit'],
  }
}

const ACCEPTED_LOGGER = 'an AuditLogger, or a function that returns one'

function isRecorder(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'sender' in value
}

function shownOf(
  chosen: unknown,
  names: readonly (string | undefined)[],
  indexOf: (option: string, one: unknown) => number,
  refuse: Refuse,
): Audited['shown'] {
  if (chosen === undefined) return []
  if (Array.isArray(chosen)) {
    return chosen.map((one: unknown) => {
      const index = indexOf('arguments', one)
      // Under its own name, because names tell what is secret.
      return [names[index] ?? `argument_${index}`, index] as const
    })
  }
  if (typeof chosen !== 'object' || chosen === null) return refuse('arguments', chosen, 'a list or an object')
  return Object.entries(chosen).map(([name, index]) => [name, indexOf(`arguments.${name}`, index)] as const)
}

function show(given: unknown): string {
  if (typeof given === 'string') return JSON.stringify(given)
  if (typeof given === 'object' && given !== null) return 'an object'
  return typeof given === 'function' ? 'a function' : String(given)
}
