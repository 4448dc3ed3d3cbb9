import { parseArgs } from 'node:util'

export interface BenchOptions {
  /** Small numbers: shows that the benchmark runs; its figures mean nothing. */
  readonly quick: boolean
  /** One JSON object on stdout instead of the table. */
  readonly json: boolean
  readonly rounds: number
}

/** Reads the command line; a word that is no option ends the run with a message. */
export function benchOptions(defaults: { rounds: number }): BenchOptions {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, rounds: { type: 'string' } },
  })
  const quick = values.quick === true
  const rounds = values.rounds === undefined ? (quick ? 2 : defaults.rounds) : Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds takes a whole number from 1, not ${values.rounds}`)
  return { quick, json: values.json === true, rounds }
}
