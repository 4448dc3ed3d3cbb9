import type { z } from 'zod'
import { type Environment, type EnvironmentValue, readEnvironment } from './environment'
import { isPlainObject } from './freeze'
import { isParsedMaskRule, parseMaskRules } from './mask'
import { invalid, missing, type SettingProblem, unknown } from './problem'
import { settingsSchema } from './schema'
import { isSettingPath, type SettingPath, settingRow } from './table'

export interface Collected {
  /** Absent when there are problems. */
  readonly settings?: z.output<typeof settingsSchema>
  readonly problems: readonly SettingProblem[]
  /** The options for which there was any value, usable or not. */
  readonly given: ReadonlySet<string>
  /** Whether a mask rule makes hashes, for which a key is needed. */
  readonly hashes: boolean
}

/** What was given, where it came from, and what the schema thinks of it. */
export function collect(options: unknown = {}, environment?: Environment): Collected {
  const variables = readEnvironment(environment)
  const input = merge(variables, isObject(options) ? options : {})
  const parsed = settingsSchema.safeParse(input.values)
  const problems = [
    ...(isObject(options) ? [] : [notAnObject(options)]),
    ...(parsed.success ? [] : problemsOf(parsed.error.issues, input, variables)),
  ]
  const given = new Set(Object.keys(input.values))
  // From what was given: an application is told of the key that is missing also when something else is wrong.
  const rules = parseMaskRules(input.values.mask)
  const hashes = Array.isArray(rules) && rules.some((rule) => isParsedMaskRule(rule) && rule.mode === 'hash')
  const found = { problems, given, hashes }
  return parsed.success && problems.length === 0 ? { settings: parsed.data, ...found } : found
}

interface Input {
  readonly values: Record<string, unknown>
  /** The options whose value came from code. */
  readonly fromCode: ReadonlySet<string>
  /** Parts of such an option that code left out and a variable gave. */
  readonly filledIn: ReadonlySet<SettingPath>
}

/** Its parts have nothing to do with each other. Those of `credentials` belong together: half a pair from each side is none. */
const APART = new Set(['worker'])

/** Options in code win over the environment, setting by setting; `undefined` in code means “not given”. */
function merge(variables: ReadonlyMap<SettingPath, EnvironmentValue>, options: object): Input {
  // Without a prototype: what others put on Object.prototype is no setting, and __proto__ is a name like any other.
  const values: Record<string, unknown> = Object.create(null)
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  for (const [name, value] of given) values[name] = value
  const fromCode = new Set(given.map(([name]) => name))
  const filledIn = new Set<SettingPath>()
  for (const [path, { value }] of variables) {
    const [option = path, part] = path.split('.')
    if (fromCode.has(option)) {
      const whole = values[option]
      const open = part !== undefined && APART.has(option) && isPlainObject(whole) && whole[part] === undefined
      if (!open) continue
      filledIn.add(path)
    }
    values[option] = part === undefined ? value : { ...partsOf(values[option]), [part]: value }
  }
  return { values, fromCode, filledIn }
}

function problemsOf(
  issues: readonly z.core.$ZodIssue[],
  input: Input,
  variables: ReadonlyMap<SettingPath, EnvironmentValue>,
): SettingProblem[] {
  const problems = new Map<string, SettingProblem>()
  for (const issue of issues) {
    const names = issue.path.map(String)
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) problems.set(`${names.join('.')} ${key}`, unknown(key, names[0]))
      continue
    }
    const path = settingOf(names)
    const given = path.split('.').reduce<unknown>((value, name) => partsOf(value)[name], input.values)
    const fromCode = input.fromCode.has(names[0] ?? '') && !input.filledIn.has(path)
    const variable = fromCode ? undefined : (variables.get(path)?.variable ?? settingRow(path).variables[0])
    // A list has one problem, however many of its members are wrong.
    problems.set(path, given === undefined ? missing(path, variable) : invalid(path, given, variable))
  }
  return [...problems.values()]
}

/** The longest beginning of a schema path that is in the settings table: `models.3` → `models`. */
function settingOf(names: readonly string[]): SettingPath {
  for (let length = names.length; length > 0; length--) {
    const path = names.slice(0, length).join('.')
    if (isSettingPath(path)) return path
  }
  throw new TypeError(`The settings schema and the settings table disagree about ${names.join('.')}`)
}

function notAnObject(options: unknown): SettingProblem {
  const given = Array.isArray(options) ? 'an array' : options === null ? 'null' : `a ${typeof options}`
  return Object.freeze({ code: 'AUDIT_SETTING_INVALID', option: 'options', given, accepted: 'an object of options' })
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function partsOf(value: unknown): Record<string, unknown> {
  return isPlainObject(value) ? value : Object(value)
}
