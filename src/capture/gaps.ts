const NONE: readonly string[] = []

/** What could not be had for an event, and why: it becomes `coverage_reason`. */
export class Gaps {
  readonly #names = new Map<string, string[]>()
  readonly #reasons: string[] = []

  /** A property whose value is not known. */
  add(name: string, why: string): void {
    if (this.names.includes(name)) return
    this.#names.set(why, [...(this.#names.get(why) ?? []), name])
  }

  /** Something that concerns the event as a whole. */
  note(reason: string): void {
    this.#reasons.push(reason)
  }

  /** Only what concerns these properties, and the event as a whole. */
  keep(shows: (name: string) => boolean): void {
    if (this.#names.size === 0) return
    for (const [why, names] of this.#names) {
      const kept = names.filter(shows)
      if (kept.length > 0) this.#names.set(why, kept)
      else this.#names.delete(why)
    }
  }

  get names(): readonly string[] {
    if (this.#names.size === 0) return NONE
    return [...this.#names.values()].flat()
  }

  get reason(): string | undefined {
    if (this.#names.size === 0 && this.#reasons.length === 0) return undefined
    const parts = [...this.#reasons, ...[...this.#names].map(([why, names]) => `${names.join(', ')}: ${why}`)]
    return parts.length === 0 ? undefined : parts.join('; ')
  }
}

/** Why a value is not known. Said in events, so never changed lightly. */
export const WHY = {
  notLoaded: 'the old value was not loaded',
  notSelected: 'the column is not selected, so the old value is not known',
  notReturned: 'the database chose the value and was not asked for it',
  notKept: 'the database may have rounded the value, or spelt it in another way',
  notGiven: 'the value was not given, the database or a parent entity may have set it',
  expression: 'the value is an SQL expression',
  parent: 'the relation was changed by saving the other side',
  stale: 'the new value was not read back',
} as const
