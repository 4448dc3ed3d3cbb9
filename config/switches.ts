import { isPlainObject } from './freeze'

/** Actions that only read: the ones that may be sampled. */
export const READ_ACTIONS = ['OBJ_VIEWED', 'DATA_EXPORTED'] as const
export type ReadAction = (typeof READ_ACTIONS)[number]

/** Which part of the read events is recorded, from 0 to 1, by action. */
export type Sampling = { readonly [action in ReadAction]?: number }

/** The context of an event as `skip` sees it; of the request, what the application gave. */
export interface SkipContext {
  readonly user?: unknown
  readonly organisation?: unknown
  readonly request?: { readonly [field: string]: unknown } | undefined
  readonly entryPoint?: 'http' | 'job' | 'cli' | 'system' | undefined
  readonly extra?: Readonly<Record<string, unknown>> | undefined
}

/**
 * Says whether an event is left out, by the context in which it is made. Asked for each event but those of the logger
 * itself; synchronous.
 *
 * @example
 * const skip: Skip = ({ request }) => request?.url === '/health'
 */
export type Skip = (context: SkipContext, action: string) => boolean

/** An action that may be skipped. What the logger tells of itself has `lifecycleEvents`, and nothing else switches it off. */
export function isSkippable(action: string): boolean {
  return /^\S(.*\S)?$/.test(action) && !action.startsWith('AUDIT_')
}

/** `OBJ_VIEWED=0.1,DATA_EXPORTED=1` or JSON; anything else is left for the schema to refuse. */
export function parseSampling(value: unknown): unknown {
  if (typeof value !== 'string') return value
  const text = value.trim()
  if (text.startsWith('{')) {
    try {
      return JSON.parse(text)
    } catch {
      // The schema reports the text as what was given.
      return value
    }
  }
  const pairs = text.split(',').map((pair) => pair.split('=').map((part) => part.trim()))
  const valid = pairs.every(([name, rate, ...more]) => name && /^\d*\.?\d+$/.test(rate ?? '') && more.length === 0)
  return valid ? Object.fromEntries(pairs.map(([name, rate]) => [name, Number(rate)])) : value
}

export function isSampling(value: unknown): value is Sampling {
  return (
    isPlainObject(value) &&
    Object.entries(value).every(
      ([action, rate]) => (READ_ACTIONS as readonly string[]).includes(action) && isRate(rate),
    )
  )
}

function isRate(rate: unknown): boolean {
  return typeof rate === 'number' && rate >= 0 && rate <= 1
}
