/** What was not recorded of one kind within one window. */
export interface Suppressed {
  readonly kind: string
  readonly count: number
  /** Of the first and the last of them, in milliseconds since 1970. */
  readonly from: number
  readonly to: number
}

const WINDOW_MS = 60_000

interface Window {
  ends: number
  recorded: number
  count: number
  from: number
  to: number
}

/**
 * Lets so many of a kind through in a minute and counts the others. What was counted is told when the minute ends, by a
 * timer that keeps no process alive, or when `tell` is called: whichever comes first, and each count once.
 */
export class RateLimit {
  readonly #perWindow: number
  readonly #told: (suppressed: Suppressed) => void
  readonly #clock: () => number
  readonly #windows = new Map<string, Window>()
  #timer: NodeJS.Timeout | undefined

  constructor(perWindow: number, told: (suppressed: Suppressed) => void, clock: () => number = Date.now) {
    this.#perWindow = perWindow
    this.#told = told
    this.#clock = clock
  }

  /** Whether one more of this kind is to be recorded; else it is counted. */
  admits(kind: string): boolean {
    const now = this.#clock()
    let window = this.#windows.get(kind)
    if (window === undefined || now >= window.ends) {
      if (window !== undefined) this.#tell(kind, window)
      window = { ends: now + WINDOW_MS, recorded: 0, count: 0, from: 0, to: 0 }
      this.#windows.set(kind, window)
    }
    if (window.recorded < this.#perWindow) {
      window.recorded += 1
      return true
    }
    if (window.count === 0) window.from = now
    window.count += 1
    window.to = now
    this.#timer ??= setTimeout(() => this.#expire(), WINDOW_MS).unref()
    return false
  }

  /** Tells what was counted so far, before its minute ends. */
  tell(): void {
    for (const [kind, window] of this.#windows) this.#tell(kind, window)
  }

  #expire(): void {
    this.#timer = undefined
    const now = this.#clock()
    for (const [kind, window] of this.#windows) {
      this.#tell(kind, window)
      if (now >= window.ends) this.#windows.delete(kind)
    }
  }

  #tell(kind: string, window: Window): void {
    const { count, from, to } = window
    if (count === 0) return
    window.count = 0
    this.#told({ kind, count, from, to })
  }
}
