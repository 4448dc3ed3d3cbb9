/** Names are tested up to this length, which bounds what any pattern can cost. */
export const TESTED_NAME = 64

/** How many ways through a pattern there may be: two unbounded repetitions and a little, no more. */
const MOST_WAYS = 20_000

/**
 * Whether a pattern can be tested on names that clients choose without ever taking long. Refused are what makes
 * backtracking explode: a repeated group with a repetition or an alternative in it, back references, look-arounds, and
 * more than about two unbounded repetitions. https://owasp.org/www-community/attacks/Regular_expression_Denial_of_Service_-_ReDoS
 *
 * @example
 * isSafePattern(/^x-.*-token$/i) // true
 * isSafePattern(/(a+)+$/) // false
 */
export function isSafePattern(pattern: RegExp): boolean {
  const { source, flags } = pattern
  if (source.length > 500 || flags.includes('v')) return false
  const scan = new Scan(source)
  const group = scan.alternatives()
  return group !== undefined && scan.ended && group.ways <= MOST_WAYS
}

interface Cost {
  /** How many ways there are through it, for names of the tested length. */
  ways: number
  /** It has a choice in it, so repeating it would multiply the ways. */
  choice: boolean
}

const REFUSED = undefined

/** One walk over the source of a pattern that RegExp has accepted, so only its costs are of interest. */
class Scan {
  readonly #source: string
  #at = 0

  constructor(source: string) {
    this.#source = source
  }

  get ended(): boolean {
    return this.#at === this.#source.length
  }

  /** `a|b|c`: the ways add up. */
  alternatives(): Cost | undefined {
    let all = this.#terms()
    while (all !== REFUSED && this.#take('|')) {
      const next = this.#terms()
      if (next === REFUSED) return REFUSED
      all = { ways: all.ways + next.ways, choice: true }
    }
    return all
  }

  /** `abc`: the ways multiply. */
  #terms(): Cost | undefined {
    const cost: Cost = { ways: 1, choice: false }
    while (!this.ended && !')|'.includes(this.#next)) {
      const one = this.#repeated()
      if (one === REFUSED) return REFUSED
      cost.ways *= one.ways
      cost.choice ||= one.choice
      if (cost.ways > MOST_WAYS) return REFUSED
    }
    return cost
  }

  #repeated(): Cost | undefined {
    const atom = this.#atom()
    if (atom === REFUSED) return REFUSED
    const [text = '', from = '', comma, to] = /^(?:[*+?]|\{(\d+)(,)?(\d*)\})/.exec(this.#source.slice(this.#at)) ?? []
    if (text === '') return atom
    this.#at += text.length
    this.#take('?')
    const once = text === '?' || text === '{0,1}' || text === '{1}'
    if (atom.choice && !once) return REFUSED
    const exact = from !== '' && comma === undefined
    if (exact) return { ways: atom.ways, choice: atom.choice }
    const most = text === '?' ? 1 : comma !== undefined && to ? Number(to) - Number(from) : TESTED_NAME
    return { ways: atom.ways + Math.min(most, TESTED_NAME), choice: true }
  }

  #atom(): Cost | undefined {
    const one: Cost = { ways: 1, choice: false }
    if (this.#take('(')) {
      if (this.#take('?') && !this.#take(':') && !this.#groupName()) return REFUSED
      const inner = this.alternatives()
      return inner !== REFUSED && this.#take(')') ? inner : REFUSED
    }
    if (this.#take('[')) {
      while (!this.#take(']')) this.#at += this.#next === '\\' ? 2 : 1
      return one
    }
    if (this.#take('\\')) {
      if (/[1-9k]/.test(this.#next)) return REFUSED
      const [long = ''] = /^(?:[pPu]\{[^}]*\})/.exec(this.#source.slice(this.#at)) ?? []
      this.#at += long.length || 1
      return one
    }
    this.#at += 1
    return one
  }

  /** `(?<name>`; not `(?=`, `(?!`, `(?<=`, `(?<!`, nor flags inside a pattern. */
  #groupName(): boolean {
    const [name = ''] = /^<\p{L}\w*>/u.exec(this.#source.slice(this.#at)) ?? []
    this.#at += name.length
    return name !== ''
  }

  get #next(): string {
    return this.#source[this.#at] ?? ''
  }

  #take(character: string): boolean {
    if (this.#next !== character) return false
    this.#at += 1
    return true
  }
}
