import { invalidParameter } from './errors'

export type Matches = (message: string) => boolean

/**
 * The part of CloudWatch's filter syntax that the stand-in knows: nothing, `"a quoted term"`, bare words that must all
 * occur, and `{ $.path.to.field = "value" }` with a string or a number. Anything else is refused rather than guessed.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
 */
export function compilePattern(pattern: string | undefined): Matches {
  const text = pattern?.trim() ?? ''
  if (text === '') return () => true
  const quoted = /^"([^"]*)"$/.exec(text)
  if (quoted) return (message) => message.includes(quoted[1] ?? '')
  const field = /^\{\s*\$\.([\w.]+)\s*=\s*(?:"([^"]*)"|(-?\d+(?:\.\d+)?))\s*\}$/.exec(text)
  if (field) {
    const path = (field[1] ?? '').split('.')
    const expected = field[3] === undefined ? field[2] : Number(field[3])
    return (message) => valueAt(message, path) === expected
  }
  if (/^[\w\s]+$/.test(text)) {
    const words = text.split(/\s+/)
    return (message) => words.every((word) => message.includes(word))
  }
  throw invalidParameter(`Invalid filter pattern: the local endpoint does not know ${text}`)
}

function valueAt(message: string, path: readonly string[]): unknown {
  let value: unknown
  try {
    value = JSON.parse(message)
  } catch {
    // A message that is not JSON matches no JSON pattern, as at AWS.
    return undefined
  }
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}
