import type { DataSource } from 'typeorm'
import type { EventCatalogue } from '../config/catalogue'
import { copyOwn, member } from './event/copy-own'
import type { Impersonator, Instance, Outcome } from './event/event'
import { snapshot, unreadable } from './event/values'
import type { Observation, Recorder } from './recorder'
import { problemOf, type Reports } from './report'

/** What explicit events need of the logger they belong to. */
export interface Sender {
  recorder: Recorder
  reports: Reports
  describeInstance: (value: unknown) => Instance | undefined
  /** Those attached now. */
  dataSources?: Iterable<DataSource>
  /** The events that the application knows, if it has said so. */
  catalogue?: EventCatalogue | undefined
  /** Who a user is, in short. */
  describeActor: (user: unknown) => Impersonator
}

/** Told apart from the content. */
export const FIELDS: ReadonlySet<string> = new Set(['instance', 'user', 'date', 'reason', 'outcome'])
const INVALID_CALL = 'AUDIT_INVALID_CALL'

/** How a call differs from a plain `sendLog`. */
export interface Call {
  /** The function's name, for the report of a wrong call. */
  method: string
  action: unknown
  fields: unknown
  /** Given apart from the fields. */
  instance?: unknown
  /** What the function itself knows, winning over the fields. */
  known?: Partial<Observation>
  /** What the function itself found wrong. */
  problem?: string | undefined
  /** The names that are no content, when not the usual ones. */
  taken?: ReadonlySet<string>
}

/**
 * Records an explicit event. Never throws and never waits; a wrong call is reported once, and its event says what was
 * wrong: nothing that an application wanted on record may go missing over a mistake in the call.
 */
export function sendEvent(sender: Sender, call: Call): void {
  try {
    const problems = call.problem === undefined ? [] : [call.problem]
    const observation = observe(sender, call, problems)
    if (problems.length > 0) markWrong(observation, problems)
    sender.recorder.deliver([sender.recorder.capture(observation)])
    const [problem] = problems
    if (problem !== undefined)
      sender.reports.report(INVALID_CALL, { method: call.method, problem: problems.join('; ') })
  } catch (error) {
    sender.reports.report('AUDIT_CAPTURE_FAILED', { problem: problemOf(error) }, call.method)
  }
}

function observe(sender: Sender, call: Call, problems: string[]): Observation {
  const { action, fields, instance, known, taken = FIELDS } = call
  const given = fieldsOf(fields, problems)
  const content = copyOwn(given, taken)
  const take = (name: string): unknown => {
    const value = member(given, name)
    if (value !== unreadable) return value
    problems.push(`${name} could not be read`)
    return undefined
  }
  return {
    action: actionOf(action, problems),
    outcome: outcomeOf(take('outcome'), problems),
    reason: reasonOf(take('reason'), problems),
    date: dateOf(take('date'), problems),
    user: take('user'),
    instance: instanceOf(sender, instance ?? take('instance'), problems),
    content: Object.keys(content).length === 0 ? undefined : content,
    ...known,
  }
}

/** A wrong call did not do what was meant, whatever outcome it would have told. */
function markWrong(observation: Observation, problems: readonly string[]): void {
  const problem = problems.join('; ')
  observation.outcome = 'failure'
  observation.reason ??= problem
  observation.coverageReason = `the call was wrong: ${problem}`
}

function fieldsOf(fields: unknown, problems: string[]): unknown {
  if (fields === undefined || fields === null) return undefined
  if (typeof fields === 'object' && !isList(fields)) return fields
  problems.push(`the fields are ${nameOf(fields)}, not an object`)
  return { given: fields }
}

function actionOf(action: unknown, problems: string[]): string {
  if (typeof action === 'string' && action.trim() !== '') return action
  problems.push(action === undefined ? 'no action was given' : `the action is ${nameOf(action)}, not a name`)
  return INVALID_CALL
}

function outcomeOf(outcome: unknown, problems: string[]): Outcome {
  if (outcome === undefined || outcome === 'success' || outcome === 'failure') return outcome ?? 'success'
  problems.push(`the outcome is ${nameOf(outcome)}, neither success nor failure`)
  return 'failure'
}

function reasonOf(reason: unknown, problems: string[]): string | undefined {
  if (reason === undefined || reason === null) return undefined
  if (typeof reason === 'string') return reason
  problems.push(`the reason is ${nameOf(reason)}, not a text`)
  return JSON.stringify(snapshot(reason))
}

function dateOf(date: unknown, problems: string[]): Date | undefined {
  if (date === undefined || date === null) return undefined
  const text = typeof date === 'string' || typeof date === 'number' || date instanceof Date
  const read = text ? new Date(date) : undefined
  if (read !== undefined && !Number.isNaN(read.getTime())) return read
  problems.push(`the date ${text ? 'is not valid' : `is ${nameOf(date)}`}`)
  return undefined
}

function instanceOf(sender: Sender, instance: unknown, problems: string[]): Instance | undefined {
  if (instance === undefined || instance === null) return undefined
  try {
    const described = sender.describeInstance(instance)
    if (described === undefined) problems.push(`the instance is ${nameOf(instance)}`)
    return described
  } catch (error) {
    problems.push(`the instance could not be read: ${problemOf(error)}`)
    return undefined
  }
}

function nameOf(value: unknown): string {
  if (value === null) return 'null'
  if (value === '' || (typeof value === 'string' && value.trim() === '')) return 'an empty text'
  if (typeof value === 'object') return isList(value) ? 'a list' : 'an object'
  return `a ${typeof value}`
}

/** Array.isArray throws for a revoked proxy, which is an object like any other here. */
function isList(value: object): boolean {
  try {
    return Array.isArray(value)
  } catch {
    return false
  }
}
