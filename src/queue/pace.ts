/**
 * Under a steady load a push is made this often and not at every turn: beside a save() of half a millisecond, a round
 * trip each costs a third of it. An event after a quiet time goes at once. What is not pushed is lost if the process
 * dies, so it stays short.
 */
const PACE_MS = 10

/** The rests between pushes. */
export class Pace {
  #pushedAt = Number.NEGATIVE_INFINITY
  #hurry: (() => void) | undefined

  /** Waits until the last push is `PACE_MS` ago, or until somebody is in a hurry. */
  async rest(): Promise<void> {
    const ms = this.#pushedAt + PACE_MS - performance.now()
    if (ms <= 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#hurry = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#hurry = undefined
  }

  /** A push is made now. */
  begins(): void {
    this.#pushedAt = performance.now()
  }

  /** Ends the rest that is under way, if there is one. */
  hurry(): void {
    this.#hurry?.()
  }
}
