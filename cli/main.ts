#!/usr/bin/env node
import './lean-heap'
import { AuditError } from '../config/errors'
import { parseCommand } from './arguments'
import { check } from './check'
import { deadLetter } from './dead-letter'
import { flush } from './flush'
import { HELP } from './help'
import { Output } from './output'
import { status } from './status'
import { worker } from './worker'

const COMMANDS = { worker, flush, status, check, 'dead-letter': deadLetter } as const

/** Runs one command. @returns the exit code: 0 done, 1 failed, 2 called wrongly */
async function main(words: readonly string[]): Promise<number> {
  const output = new Output(words.includes('--json'))
  try {
    const command = parseCommand(words)
    if (command.help) {
      output.text(HELP)
      return 0
    }
    return await COMMANDS[command.name](command, output)
  } catch (error) {
    output.failure(error)
    return error instanceof AuditError && error.code === 'AUDIT_COMMAND_INVALID' ? 2 : 1
  }
}

// `| head` has read enough: no failure, and nothing to print to any more.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code
})
