import type { ParsedMaskRule } from '../../config/mask'
import { TESTED_NAME } from '../../config/safe-pattern'
import { maskCardNumbers } from './card-number'
import { judgeName, partsOf, plainName } from './secret-key'
import { DEFAULT_TREATMENT, later, type Treatment } from './treatment'

/** All that a name says. */
export interface NameVerdict {
  /** As it may be written: well-formed, and without card numbers. */
  readonly shown: string
  /** Texts under it are addresses. */
  readonly url: boolean
  readonly treatment: Treatment | undefined
}

const MOST_KNOWN = 5_000

/** The rules that go by names. Names repeat from event to event, so each is looked at once. */
export class NameRules {
  readonly #exact = new Map<string, Treatment>()
  readonly #patterns: { readonly pattern: RegExp; readonly treatment: Treatment }[] = []
  readonly #cards: boolean
  /** Bounded, because names may come from outside. */
  readonly #known = new Map<string, NameVerdict>()

  constructor(rules: readonly ParsedMaskRule[], cards: boolean) {
    this.#cards = cards
    for (const [order, { key, mode, keep }] of rules.entries()) {
      if (key instanceof RegExp) this.#patterns.push({ pattern: key, treatment: { mode, keep, order } })
      else if (key !== undefined) this.#exact.set(plainName(key), { mode, keep, order })
    }
  }

  of(name: string): NameVerdict {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    if (this.#known.size >= MOST_KNOWN) this.#known.clear()
    const verdict = this.#judge(name)
    this.#known.set(name, verdict)
    return verdict
  }

  #judge(name: string): NameVerdict {
    const kind = judgeName(name)
    const shown = name.toWellFormed()
    let treatment = kind === 'secret' ? DEFAULT_TREATMENT : undefined
    // `user[password]` and `address.city` have names in them that a rule may be for.
    for (const part of new Set([name, ...partsOf(name)])) {
      treatment = later(treatment, this.#exact.get(plainName(part)))
      for (const one of this.#patterns) if (matches(one.pattern, part)) treatment = later(treatment, one.treatment)
    }
    return { shown: this.#cards ? maskCardNumbers(shown) : shown, url: kind === 'url', treatment }
  }
}

/** The beginning and the end of a name that is longer than any name. */
function matches(pattern: RegExp, name: string): boolean {
  if (name.length <= TESTED_NAME) return pattern.test(name)
  return pattern.test(name.slice(0, TESTED_NAME)) || pattern.test(name.slice(-TESTED_NAME))
}
