import { parseArgs } from 'node:util'
import { AuditError } from '../config/errors'

export type CommandName = 'worker' | 'flush' | 'status' | 'check' | 'dead-letter'
export type DeadLetterAction = 'list' | 'replay' | 'purge'

export interface Command {
  readonly name: CommandName
  /** With `dead-letter`: what to do with them. */
  readonly action?: DeadLetterAction
  readonly help: boolean
  readonly yes: boolean
}

const NAMES: readonly string[] = ['worker', 'flush', 'status', 'check', 'dead-letter'] satisfies CommandName[]
const ACTIONS: readonly string[] = ['list', 'replay', 'purge'] satisfies DeadLetterAction[]

/** @throws AuditError AUDIT_COMMAND_INVALID */
export function parseCommand(words: readonly string[]): Command {
  const { values, positionals } = parse(words)
  const [name, action, ...rest] = positionals
  const flags = { help: values.help === true, yes: values.yes === true }
  if (flags.help) return { name: 'status', ...flags }
  if (name === undefined) throw invalid(`no command given; there are ${NAMES.join(', ')}`)
  if (!NAMES.includes(name)) throw invalid(`"${name}" is no command; there are ${NAMES.join(', ')}`)
  if (name !== 'dead-letter') {
    if (action !== undefined) throw invalid(`"${name}" takes no "${action}"`)
    return { name: name as CommandName, ...flags }
  }
  if (action === undefined || !ACTIONS.includes(action) || rest.length > 0) {
    throw invalid(`dead-letter takes one of ${ACTIONS.join(', ')}`)
  }
  return { name, action: action as DeadLetterAction, ...flags }
}

function parse(words: readonly string[]) {
  try {
    const options = {
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
      yes: { type: 'boolean' },
    } as const
    return parseArgs({ args: [...words], options, allowPositionals: true })
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error))
  }
}

function invalid(problem: string): AuditError {
  return new AuditError('AUDIT_COMMAND_INVALID', { problem: problem.replace(/\.$/, '') })
}
