import type { OperationName } from './options'

/**
 * What can go wrong. Kinds that end in `After` take effect first (the events are stored), so that the client meets an
 * unknown outcome; the others take no effect.
 */
export type FaultKind =
  | 'none'
  | 'throttle'
  | 'unavailable'
  | 'unavailableAfter'
  | 'internal'
  | 'internalAfter'
  | 'tooLarge'
  | 'accessDenied'
  | 'expiredToken'
  | 'unrecognizedClient'
  | 'hang'
  | 'hangAfter'
  | 'resetBefore'
  | 'resetAfter'
  | 'html'
  | 'htmlAfter'

interface Common {
  /** Waits so long before it answers. */
  readonly delayMs?: number
  /** The `retry-after` header. */
  readonly retryAfter?: string | number
}

/** `{ kind: 'none' }` lets a call pass, `{ kind: 'none', delayMs: 50 }` only delays it. */
export type Fault = Common &
  ({ readonly kind: FaultKind } | { readonly kind: 'error'; readonly name: string; readonly status?: number })

/** What a predicate sees of a call. */
export interface FaultyCall {
  readonly operation: string
  /** 1 for the first call of this operation, and so on. */
  readonly number: number
  readonly body: unknown
}

export interface RandomFaults {
  readonly seed: number
  /** 0 to 1: how many of the calls fail. */
  readonly probability: number
  readonly faults: readonly Fault[]
  /** `PutLogEvents` only, unless given. */
  readonly operations?: readonly (OperationName | '*')[]
}

interface Rule {
  readonly operation: OperationName | '*'
  readonly matches: (call: FaultyCall) => boolean
  readonly pick: () => Fault
  left: number
}

/**
 * The script of faults. Rules are asked in the order they were given; the first that matches a call decides it.
 *
 * @example
 * endpoint.faults.next('PutLogEvents', { kind: 'throttle' }, { kind: 'resetAfter' }) // the next two calls
 * endpoint.faults.when('PutLogEvents', (call) => call.number % 10 === 0, { kind: 'unavailable' }) // every tenth
 */
export class Faults {
  #rules: Rule[] = []
  readonly #numbers = new Map<string, number>()

  /** One fault for each of the next calls of the operation, in this order. */
  next(operation: OperationName | '*', ...faults: readonly Fault[]): void {
    for (const fault of faults)
      this.#add(
        operation,
        () => true,
        () => fault,
        1,
      )
  }

  /** Every call of the operation, until `clear()`. */
  always(operation: OperationName | '*', fault: Fault): void {
    this.when(operation, () => true, fault)
  }

  /** The calls for which the predicate holds; without `times`, all of them until `clear()`. */
  when(
    operation: OperationName | '*',
    predicate: (call: FaultyCall) => boolean,
    fault: Fault,
    times = Number.POSITIVE_INFINITY,
  ): void {
    this.#add(operation, predicate, () => fault, times)
  }

  /** A mix that is the same for the same seed and the same sequence of calls. */
  random({ seed, probability, faults, operations = ['PutLogEvents'] }: RandomFaults): void {
    const dice = mulberry32(seed)
    const pick = (): Fault => faults[Math.floor(dice() * faults.length)] ?? { kind: 'none' }
    for (const operation of operations) this.#add(operation, () => dice() < probability, pick, Number.POSITIVE_INFINITY)
  }

  clear(): void {
    this.#rules = []
  }

  /** How many faults given with `next` (or with `times`) were not met yet. */
  get pending(): number {
    return this.#rules.reduce((sum, rule) => sum + (Number.isFinite(rule.left) ? rule.left : 0), 0)
  }

  /** The endpoint asks at every call. */
  take(operation: string, body: unknown): Fault | undefined {
    const number = (this.#numbers.get(operation) ?? 0) + 1
    this.#numbers.set(operation, number)
    const call = { operation, number, body }
    const rule = this.#rules.find(
      (each) => (each.operation === '*' || each.operation === operation) && each.matches(call),
    )
    if (!rule) return undefined
    rule.left -= 1
    if (rule.left <= 0) this.#rules = this.#rules.filter((each) => each !== rule)
    return rule.pick()
  }

  #add(operation: OperationName | '*', matches: Rule['matches'], pick: Rule['pick'], times: number): void {
    if (times > 0) this.#rules.push({ operation, matches, pick, left: times })
  }
}

/** A small seeded generator, so that a failing mix can be repeated. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
