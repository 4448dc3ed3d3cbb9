import type { IncomingHttpHeaders } from 'node:http'

/** What the security monitoring looks for. Switched on with `monitor: true` or with any of these. */
export interface MonitorOptions {
  /** REQUEST_SLOW: from how many milliseconds on, 10,000 unless given; `false` for never. */
  slowMs?: number | false | undefined
  /** UNHANDLED_EXCEPTION and REQUEST_FAILED, true unless given; also what ends the process. */
  exceptions?: boolean | undefined
  /** REQUEST_DENIED: the statuses of responses that are recorded; 401, 403 and 429 unless given. */
  statuses?: readonly number[] | undefined
  /** REQUEST_SUSPICIOUS by the built-in rules, true unless given. */
  suspicious?: boolean | undefined
  /** Rules of your own; one with the name of a built-in rule takes its place. */
  rules?: readonly SuspiciousRule[] | undefined
  /** How many bytes of headers are oversized, 8,192 unless given. Node itself refuses more than 16,384. */
  headerBytes?: number | undefined
  /** How many events of one kind are recorded in a minute, 10 unless given; the others are counted. */
  perMinute?: number | undefined
}

/** What a rule sees of a request. Texts are as the client sent them, and may be hostile. */
export interface SuspectRequest {
  readonly method: string
  readonly url: string
  /** The URL percent-decoded, twice where it was encoded twice; at most 8,192 characters. */
  readonly decodedUrl: string
  readonly userAgent: string
  readonly headers: IncomingHttpHeaders
  readonly headerBytes: number
  readonly ip: string | undefined
}

/**
 * One kind of suspicious request.
 *
 * @example
 * { name: 'admin-from-outside', test: ({ url, ip }) => url.startsWith('/admin') && ip?.startsWith('10.') !== true }
 */
export interface SuspiciousRule {
  /** Shown in the event. */
  name: string
  test(request: SuspectRequest): boolean
}

export interface MonitorSettings {
  readonly slowMs: number
  readonly exceptions: boolean
  readonly statuses: ReadonlySet<number>
  readonly suspicious: boolean
  readonly rules: readonly SuspiciousRule[]
  readonly headerBytes: number
  readonly perMinute: number
}

/** @throws TypeError naming what is not usable */
export function readMonitorOptions(given: boolean | MonitorOptions | undefined): MonitorSettings | undefined {
  if (given === undefined || given === false) return undefined
  const options: MonitorOptions = given === true ? {} : given
  const { slowMs = 10_000, statuses = [401, 403, 429], headerBytes = 8_192, perMinute = 10, rules = [] } = options
  return {
    slowMs: slowMs === false ? Number.POSITIVE_INFINITY : atLeast('slowMs', slowMs, 0),
    exceptions: options.exceptions ?? true,
    statuses: new Set(statuses.map((status) => atLeast('statuses', status, 100))),
    suspicious: options.suspicious ?? true,
    rules: rules.map(checkedRule),
    headerBytes: atLeast('headerBytes', headerBytes, 1),
    perMinute: atLeast('perMinute', perMinute, 1),
  }
}

function atLeast(name: string, value: number, least: number): number {
  if (typeof value === 'number' && value >= least) return value
  throw new TypeError(`${name} is ${String(value)}, not a number from ${least} on`)
}

function checkedRule(rule: SuspiciousRule): SuspiciousRule {
  if (typeof rule.name === 'string' && rule.name !== '' && typeof rule.test === 'function') return rule
  throw new TypeError('a rule needs a name and a function test')
}
