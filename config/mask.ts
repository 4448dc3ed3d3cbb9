import { isPlainObject } from './freeze'
import { isSafePattern } from './safe-pattern'

/**
 * What becomes of a masked value: `redact` makes it `***`, `remove` leaves it out, `hash` makes it a keyed hash (equal
 * values have equal ones), `partial` keeps its last characters. `allow` is for what must not be masked.
 */
export type MaskMode = (typeof MASK_MODES)[number]
export const MASK_MODES = ['redact', 'remove', 'hash', 'partial', 'allow'] as const

/** A mode, and for `partial` how many characters at the end are kept. */
export interface MaskTreatment {
  readonly mode: MaskMode
  /** Of `partial`: characters kept at the end, 4 unless given. */
  readonly keep: number
}

/** A value to be masked, or not, wherever it stands in an event. Exactly one of `path`, `key` and `value` is given. */
export interface MaskRule {
  /** A place in an event: `request.body.card.number`, `changes.iban`, `content.*.token`, `**.card.number`. */
  path?: string | undefined
  /** A name anywhere, in any spelling (`apiKey`, `API_KEY`); a RegExp is tested on the name as it is written. */
  key?: string | RegExp | undefined
  /** What is recognised by its value in any text. */
  value?: 'card-number' | undefined
  /** `redact` unless given. */
  mode?: MaskMode | undefined
  /** For `partial`: characters kept at the end, 4 unless given. */
  keep?: number | undefined
}

/** A rule, or its short form: `'request.body.card.number'`, `'iban=hash'`, `/^x-internal-/`. */
export type MaskRuleInput = string | RegExp | Readonly<MaskRule>

/** A rule as the settings keep it. */
export interface ParsedMaskRule extends MaskTreatment {
  readonly path?: readonly string[]
  readonly key?: string | RegExp
  readonly value?: 'card-number'
}

export const KEPT = 4
const MOST_KEPT = 64
const MOST_STEPS = 32
export const MOST_RULES = 1_000

/** Where in an event something may be masked; the rest says which event it is. */
const ROOTS: Readonly<Record<string, readonly string[] | undefined>> = {
  reason: [],
  coverage_reason: [],
  stack: [],
  user: ['type', 'is_staff', 'is_superuser'],
  instance: ['model', 'table', 'fields', 'timestamp'],
  changes: [],
  content: [],
  request: [],
  '*': [],
  '**': [],
}

/** Those that may be masked as a whole; without a user or an instance, an event could not be told from another. */
const ALONE: ReadonlySet<string> = new Set(['reason', 'coverage_reason', 'stack', 'changes', 'content', 'request'])

/** A list of rules from JSON, from a text separated by commas, or from code; what cannot be used is left for the schema to refuse. */
export function parseMaskRules(value: unknown): unknown {
  const list = listOf(value)
  return Array.isArray(list) ? list.map((rule: unknown) => parseMaskRule(rule) ?? rule) : list
}

export function isParsedMaskRule(value: unknown): value is ParsedMaskRule {
  return parsed.has(value as object)
}

/** The treatment that a text names: `hash`, `partial`, `partial:6`; undefined when it names none. */
export function parseTreatment(text: unknown): MaskTreatment | undefined {
  if (typeof text !== 'string') return undefined
  const [mode = '', keep = String(KEPT), ...more] = text.trim().split(':')
  if (more.length > 0 || !isMode(mode) || (text.includes(':') && mode !== 'partial')) return undefined
  return treatmentOf(mode, /^\d+$/.test(keep) ? Number(keep) : undefined)
}

/** Only what was parsed here is a rule: an object that merely looks like one has not been checked. */
const parsed = new WeakSet<object>()

function parseMaskRule(rule: unknown): ParsedMaskRule | undefined {
  if (isParsedMaskRule(rule)) return rule
  if (typeof rule === 'string') return parseText(rule)
  if (rule instanceof RegExp) return parseObject({ key: rule })
  return isPlainObject(rule) ? parseObject(rule) : undefined
}

/** `name`, `a.path`, `value:card-number`, each with `=mode`. A name that has a dot or an equals sign is for the long form. */
function parseText(text: string): ParsedMaskRule | undefined {
  const [target = '', mode, ...more] = text.split('=').map((part) => part.trim())
  const treatment = mode === undefined ? treatmentOf('redact', KEPT) : parseTreatment(mode)
  // Braces and quotes are what is left of JSON that was not taken for a list.
  if (more.length > 0 || treatment === undefined || /["'{}[\]]/.test(target)) return undefined
  if (target.startsWith('value:')) return parseObject({ value: target.slice(6), ...treatment })
  const single = !ALONE.has(target) && !/[.*]/.test(target)
  return parseObject(single ? { key: target, ...treatment } : { path: target, ...treatment })
}

function parseObject(rule: Record<string, unknown>): ParsedMaskRule | undefined {
  const { path, key, value, mode = 'redact', keep = KEPT, ...unknown } = rule
  const targets = [path, key, value].filter((target) => target !== undefined)
  const treatment = isMode(mode) ? treatmentOf(mode, keep) : undefined
  if (targets.length !== 1 || treatment === undefined || Object.keys(unknown).length > 0) return undefined
  if (path !== undefined) {
    const steps = parseSteps(path)
    return steps && registered({ path: steps, ...treatment })
  }
  if (key !== undefined) return isKey(key) ? registered({ key: plainPattern(key), ...treatment }) : undefined
  const usable = value === 'card-number' && (mode === 'redact' || mode === 'partial' || mode === 'allow')
  return usable ? registered({ value, ...treatment }) : undefined
}

function registered(rule: ParsedMaskRule): ParsedMaskRule {
  const frozen = Object.freeze(rule)
  parsed.add(frozen)
  return frozen
}

/** Steps between dots; several `**` in a row are one. */
function parseSteps(path: unknown): readonly string[] | undefined {
  if (typeof path !== 'string') return undefined
  const steps = path
    .split('.')
    .map((step) => step.trim())
    .filter((step, index, all) => step !== '**' || all[index - 1] !== '**')
  const [root = '', second] = steps
  const fixed = Object.hasOwn(ROOTS, root) ? ROOTS[root] : undefined
  if (fixed === undefined || steps.length > MOST_STEPS || steps.some((step) => !isStep(step))) return undefined
  if (second === undefined ? !ALONE.has(root) : fixed.includes(second)) return undefined
  // A rule for everything would leave nothing; whoever means it names the parts one by one.
  return steps.every((step) => step === '*' || step === '**') ? undefined : Object.freeze(steps)
}

function isStep(step: string): boolean {
  return step === '*' || step === '**' || (/^[^*\s]+$/.test(step) && step.length <= 200)
}

function isKey(key: unknown): key is string | RegExp {
  if (key instanceof RegExp) return isSafePattern(key)
  return typeof key === 'string' && /[\p{L}\p{N}]/u.test(key) && !/[*=,]/.test(key) && key.length <= 200
}

/** Without `g` and `y`, which make `test()` remember where it was; of the plain class, whose `test` is known. */
function plainPattern(key: string | RegExp): string | RegExp {
  return typeof key === 'string' ? key : new RegExp(key.source, key.flags.replace(/[gy]/g, ''))
}

function treatmentOf(mode: MaskMode, keep: unknown): MaskTreatment | undefined {
  if (typeof keep !== 'number' || !Number.isInteger(keep) || keep < 1 || keep > MOST_KEPT) return undefined
  return { mode, keep }
}

function isMode(mode: unknown): mode is MaskMode {
  return (MASK_MODES as readonly unknown[]).includes(mode)
}

function listOf(value: unknown): unknown {
  if (typeof value !== 'string') return value instanceof RegExp || isPlainObject(value) ? [value] : value
  const text = value.trim()
  if (!text.startsWith('[')) {
    const parts = text.split(',').map((part) => part.trim())
    if (parts.at(-1) === '') parts.pop()
    return parts
  }
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON: the schema reports it as what was given.
    return text
  }
}
