/** How long the application has to wait for its turn at most: a fraction of what a query of a near database takes. */
const SLICE_MS = 0.25

/** A part of some work. Answers whether the work is done. Must not throw. */
export type Step = () => boolean

/** All that have something left, for the end of the process. */
const busy = new Set<SpareTime>()
let watching = false

/**
 * Work that nobody waits for: it is done in order, in the turns of the event loop after this one, in slices between which
 * the application has its turn; and what is left of it when the process exits, then.
 */
export class SpareTime {
  #work: Step[] = []
  #turn: NodeJS.Immediate | undefined

  get isIdle(): boolean {
    return this.#work.length === 0
  }

  add(step: Step): void {
    this.#work.push(step)
    if (this.#turn !== undefined) return
    watchExit()
    busy.add(this)
    this.#turn = setImmediate(this.#slice)
  }

  /** Does all that is left now. */
  finish(): void {
    while (!this.isIdle) this.#step()
  }

  readonly #slice = (): void => {
    const until = performance.now() + SLICE_MS
    while (!this.isIdle) {
      this.#step()
      if (performance.now() < until) continue
      this.#turn = setImmediate(this.#slice)
      return
    }
    this.#turn = undefined
    busy.delete(this)
  }

  #step(): void {
    if (this.#work[0]?.() === true) this.#work.shift()
  }
}

/** Does all that is left in the process now. */
export function finishSpareTime(): void {
  for (const one of busy) one.finish()
}

/** Before the listeners that others have: what is left has to reach the queue before the queue is written down. */
function watchExit(): void {
  if (watching) return
  watching = true
  process.prependListener('exit', finishSpareTime)
}
