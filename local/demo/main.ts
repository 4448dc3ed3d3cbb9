import { constants } from 'node:os'
import { Cleanup } from './cleanup'
import { runDemo } from './demo'
import { type DemoOptions, parseOptions, USAGE } from './options'
import { Progress } from './show/progress'
import { report } from './show/report'
import { styleFor } from './show/style'
import { isRight } from './verdict'

/** @returns the exit code: 0 all arrived, 1 something is missing or extra or failed, 2 called wrongly, 128 + n signal n */
async function main(words: readonly string[]): Promise<number> {
  let options: DemoOptions | undefined
  try {
    options = parseOptions(words)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`)
    return 2
  }
  if (options === undefined) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  return play(options)
}

async function play(options: DemoOptions): Promise<number> {
  const interrupted = new AbortController()
  let ended: NodeJS.Signals | undefined
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      // Asked twice, it does not wait for anything; Redis and the worker still end with this process.
      if (ended !== undefined) process.exit(128 + constants.signals[name])
      ended = name
      interrupted.abort(new Error(`ended by ${name}`))
    })
  }
  const cleanup = new Cleanup()
  const progress = new Progress()
  let code = 1
  let answer = ''
  try {
    const result = await runDemo(options, progress, cleanup, interrupted.signal)
    code = isRight(result.verdict) ? 0 : 1
    answer = options.json
      ? JSON.stringify(result.verdict)
      : report(result, styleFor(process.stdout), process.stdout.columns)
  } catch (error) {
    if (ended === undefined) process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  }
  const left = await cleanup.run()
  for (const problem of left) process.stderr.write(`could not be ended: ${problem}\n`)
  if (ended !== undefined) {
    process.stderr.write(`${ended}: everything was stopped\n`)
    return 128 + constants.signals[ended]
  }
  if (answer !== '') process.stdout.write(`${answer}\n`)
  return left.length > 0 ? 1 : code
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code
})
