import { parseArgs } from 'node:util'

export type Sabotage = 'lose' | 'add'

export interface DemoOptions {
  readonly json: boolean
  /** Which Redis; either when not given. */
  readonly redis?: 'embedded' | 'binary'
  /** Spoils the run on purpose, to show that the check notices. */
  readonly sabotage?: Sabotage
}

export const USAGE = `npm run demo -- [--json] [--redis embedded|binary] [--sabotage lose|add]

  --json       prints {"accepted":n,"stored":n,"missing":[],"extra":[]} on stdout, progress on stderr
  --redis      embedded: js-redis-server, pure JavaScript; binary: the redis-server on the PATH (the default if there)
  --sabotage   takes an event off the pending list, or puts a stranger's on it: the demo must notice and exit with 1`

/** @throws Error saying what is wrong with the words, or undefined for --help */
export function parseOptions(words: readonly string[]): DemoOptions | undefined {
  const { values } = parseArgs({
    args: [...words],
    options: {
      json: { type: 'boolean' },
      redis: { type: 'string' },
      sabotage: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) return undefined
  const redis = oneOf('--redis', values.redis, ['embedded', 'binary'] as const)
  const sabotage = oneOf('--sabotage', values.sabotage, ['lose', 'add'] as const)
  return { json: values.json === true, ...(redis && { redis }), ...(sabotage && { sabotage }) }
}

function oneOf<T extends string>(name: string, given: string | undefined, accepted: readonly T[]): T | undefined {
  if (given === undefined) return undefined
  const found = accepted.find((one) => one === given)
  if (found === undefined) throw new Error(`${name} is "${given}"; accepted: ${accepted.join(', ')}`)
  return found
}
