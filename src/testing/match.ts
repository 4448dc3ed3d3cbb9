/** Where a value is not as it was expected. */
export interface Difference {
  readonly path: string
  readonly expected: unknown
  /** Undefined when it is absent. */
  readonly actual: unknown
}

/** The matchers of jest and vitest that stand for a value, such as `expect.any(String)`. */
interface Asymmetric {
  asymmetricMatch(actual: unknown): boolean
}

/**
 * The first difference between a value of an event and what is expected of it; undefined when there is none. Objects may
 * have more members than expected, lists must have the same length. Expected dates and bigints are compared as events
 * show them, a RegExp is looked for in a text, and undefined expects that there is nothing.
 */
export function differenceOf(actual: unknown, expected: unknown, path = ''): Difference | undefined {
  const differs = { path, expected, actual }
  if (isAsymmetric(expected)) return expected.asymmetricMatch(actual) ? undefined : differs
  if (expected instanceof RegExp) {
    return typeof actual === 'string' && actual.search(expected) !== -1 ? undefined : differs
  }
  if (expected instanceof Date) return actual === dateText(expected) ? undefined : differs
  if (typeof expected === 'bigint') return actual === String(expected) ? undefined : differs
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return differs
    return firstOf(expected.map((item, index) => () => differenceOf(actual[index], item, join(path, String(index)))))
  }
  if (typeof expected !== 'object' || expected === null) return Object.is(actual, expected) ? undefined : differs
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual)) return differs
  const members = Object.entries(expected)
  return firstOf(
    members.map(([name, item]) => {
      const present = Object.hasOwn(actual, name) ? (actual as Record<string, unknown>)[name] : undefined
      return () => differenceOf(present, item, join(path, name))
    }),
  )
}

function firstOf(asked: readonly (() => Difference | undefined)[]): Difference | undefined {
  for (const ask of asked) {
    const difference = ask()
    if (difference !== undefined) return difference
  }
  return undefined
}

function isAsymmetric(value: unknown): value is Asymmetric {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  return typeof (value as Partial<Asymmetric>).asymmetricMatch === 'function'
}

function dateText(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'Invalid Date' : date.toISOString()
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}
