import type { Entry } from './entry'
import { keyOf, readEvent } from './read-event'

/** What was seen in the stream of the events that are looked for; nothing else of what was read is kept. */
export class Seen {
  readonly #wanted: ReadonlySet<string>
  readonly #keys = new Set<string>()
  /** Of an event that was seen in parts: which of how many. */
  readonly #parts = new Map<string, { readonly total: number; readonly numbers: Set<number> }>()

  constructor(wanted: Iterable<Entry>) {
    this.#wanted = new Set(Array.from(wanted, ({ id }) => id))
  }

  /** @param message as it stands in the stream, which others may write to as well */
  add(message: string): void {
    const read = readEvent(message)
    if (read.kind !== 'event' || !this.#wanted.has(read.id)) return
    this.#keys.add(keyOf(read))
    if (read.part === undefined) return
    const { number, total } = read.part
    const parts = this.#parts.get(`${read.id}/${total}`) ?? { total, numbers: new Set() }
    parts.numbers.add(number)
    this.#parts.set(`${read.id}/${total}`, parts)
    if (parts.numbers.size === total) this.#keys.add(read.id)
  }

  /** An event counts as seen too when all its parts were: one that fits exactly is cut when it has to be marked late. */
  has(entry: Entry): boolean {
    return this.#keys.has(entry.key)
  }
}
