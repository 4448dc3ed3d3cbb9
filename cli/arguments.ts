import { parseArgs } from 'node:util'
import { AuditError } from '../config/errors'
import type { DeadLetterFilter } from '../worker/dead-letters'
import { parseMoment } from './moment'

export type CommandName = 'worker' | 'flush' | 'status' | 'check' | 'dead-letter'
export type DeadLetterAction = 'list' | 'show' | 'replay' | 'purge'

export interface Command {
  readonly name: CommandName
  /** With `dead-letter`: what to do with them. */
  readonly action?: DeadLetterAction
  /** With `dead-letter`: which of them. */
  readonly filter: DeadLetterFilter
  readonly help: boolean
  readonly yes: boolean
  readonly watch: boolean
  /** With `--watch`: seconds between two looks. */
  readonly everySeconds: number
}

const NAMES: readonly string[] = ['worker', 'flush', 'status', 'check', 'dead-letter'] satisfies CommandName[]
const ACTIONS: readonly string[] = ['list', 'show', 'replay', 'purge'] satisfies DeadLetterAction[]
const FILTERS = ['id', 'reason', 'since', 'until', 'limit'] as const

const OPTIONS = {
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  yes: { type: 'boolean' },
  watch: { type: 'boolean' },
  every: { type: 'string' },
  id: { type: 'string' },
  reason: { type: 'string', multiple: true },
  since: { type: 'string' },
  until: { type: 'string' },
  limit: { type: 'string' },
} as const

/** Where an option has a meaning; one that would be ignored is refused instead, `purge` without its filter above all. */
const TAKES: Readonly<Record<string, readonly (keyof typeof OPTIONS)[]>> = {
  status: ['watch', 'every'],
  'dead-letter list': FILTERS,
  'dead-letter show': [],
  'dead-letter replay': FILTERS,
  'dead-letter purge': [...FILTERS, 'yes'],
}

/**
 * @param now what `2h` is counted back from, ms since 1970
 * @throws AuditError AUDIT_COMMAND_INVALID
 */
export function parseCommand(words: readonly string[], now = Date.now()): Command {
  const { values, positionals } = parse(words)
  const [name, ...rest] = positionals
  const flags = { help: values.help === true, yes: values.yes === true, watch: values.watch === true }
  const none = { ...flags, filter: {}, everySeconds: 2 }
  if (flags.help) return { name: 'status', ...none }
  if (name === undefined) throw invalid(`no command given; there are ${NAMES.join(', ')}`)
  if (!NAMES.includes(name)) throw invalid(`"${name}" is no command; there are ${NAMES.join(', ')}`)
  const action = name === 'dead-letter' ? actionOf(rest) : undefined
  refuseOthers(action === undefined ? name : `${name} ${action}`, values)
  if (action === undefined) {
    if (rest[0] !== undefined) throw invalid(`"${name}" takes no "${rest[0]}"`)
    return { ...none, name: name as CommandName, everySeconds: everyOf(values) }
  }
  const id = rest[1] ?? values.id
  return { ...none, name: 'dead-letter', action, filter: { ...filterOf(values, now), ...(id !== undefined && { id }) } }
}

type Values = ReturnType<typeof parse>['values']

function parse(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error))
  }
}

function actionOf([action, id, more]: readonly string[]): DeadLetterAction {
  if (action === undefined || !ACTIONS.includes(action)) throw invalid(`dead-letter takes one of ${ACTIONS.join(', ')}`)
  if (action === 'show' && id === undefined) throw invalid('dead-letter show takes the id of one; list shows them')
  const unexpected = action === 'show' ? more : id
  if (unexpected !== undefined) throw invalid(`dead-letter ${action} takes no "${unexpected}"`)
  return action as DeadLetterAction
}

function refuseOthers(command: string, values: Values): void {
  for (const option of Object.keys(values) as (keyof typeof OPTIONS)[]) {
    if (option === 'json' || option === 'help') continue
    // A script that passes --yes everywhere is not wrong: only purge has something to ask.
    if (!TAKES[command]?.includes(option) && option !== 'yes') throw invalid(`"${command}" takes no --${option}`)
  }
}

function filterOf(values: Values, now: number): DeadLetterFilter {
  const reasons = values.reason?.flatMap((text) => text.split(',').map((part) => part.trim())).filter(Boolean)
  if (reasons?.length === 0) throw invalid('--reason names no reason')
  const since = momentOf('since', values, now)
  const until = momentOf('until', values, now)
  if (since !== undefined && until !== undefined && since >= until) throw invalid('--since is not before --until')
  const limit = values.limit
  if (limit !== undefined && !/^[1-9]\d{0,14}$/.test(limit)) {
    throw invalid(`--limit is "${limit}", not a whole number from 1 on`)
  }
  return {
    ...(reasons && { reasons }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(limit !== undefined && { limit: Number(limit) }),
  }
}

function momentOf(option: 'since' | 'until', values: Values, now: number): number | undefined {
  const text = values[option]
  if (text === undefined) return undefined
  const moment = parseMoment(text, now)
  if (moment === undefined) {
    throw invalid(
      `--${option} is "${text}", neither a time (2026-11-20T10:00:00Z) nor how long ago it was (30m, 2h, 7d)`,
    )
  }
  return moment
}

function everyOf({ every, watch }: Values): number {
  if (every === undefined) return 2
  const seconds = /^(\d+\.?\d*|\.\d+)$/.test(every) ? Number(every) : Number.NaN
  if (!(seconds >= 0.1 && seconds <= 86_400)) throw invalid(`--every is "${every}", not seconds from 0.1 to 86400`)
  if (watch !== true) throw invalid('--every goes with --watch')
  return seconds
}

function invalid(problem: string): AuditError {
  return new AuditError('AUDIT_COMMAND_INVALID', { problem: problem.replace(/\.$/, '') })
}
