/** How long the application has to wait for its turn: a fraction of what a query of a near database takes. */
const SLICE_MS = 0.25
/** When so much is left, more is added than those slices can do: then it waits longer, and the work stays bounded. */
const MUCH = 5_000
const LONG_SLICE_MS = 10
/** How much is done between two looks at the clock. */
const STEP = 4

/** Some work, in units of about the same length. */
interface Work {
  left: number
  /** Does so many units, of which as many are left. Must not throw. */
  readonly run: (units: number) => void
}

/** All that have something left, for the end of the process. */
const busy = new Set<SpareTime>()
let watching = false

/**
 * Work that nobody waits for: it is done in order, in the turns of the event loop after this one, in slices between which
 * the application has its turn; and what is left of it when the process exits, then.
 */
export class SpareTime {
  readonly #work: Work[] = []
  #left = 0
  /** Work is going on: code of the application that it asks for a value may ask for all of it to be done. */
  #working = false
  #turn: NodeJS.Immediate | undefined

  get isIdle(): boolean {
    return this.#left === 0
  }

  /** @param units at least one */
  add(units: number, run: (units: number) => void): void {
    this.#work.push({ left: units, run })
    this.#left += units
    if (this.#turn !== undefined) return
    watchExit()
    busy.add(this)
    this.#turn = setImmediate(this.#slice)
  }

  /** Does all that is left now, unless it is the work itself that asks. */
  finish(): void {
    while (!this.isIdle && !this.#working) this.#step()
  }

  readonly #slice = (): void => {
    const until = performance.now() + (this.#left > MUCH ? LONG_SLICE_MS : SLICE_MS)
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
    const work = this.#work[0] as Work
    const units = Math.min(STEP, work.left)
    work.left -= units
    this.#left -= units
    // Before it is done: it may add some.
    if (work.left === 0) this.#work.shift()
    this.#working = true
    try {
      work.run(units)
    } finally {
      this.#working = false
    }
  }
}

/** Does all that is left in the process now. */
export function finishSpareTime(): void {
  for (const one of busy) one.finish()
}

/** What waits for a turn of the event loop, and is done without one when the process exits. */
const rests = new Set<() => void>()

/** @returns undoes it */
export function doAtExit(rest: () => void): () => void {
  watchExit()
  rests.add(rest)
  return () => rests.delete(rest)
}

/** Before the listeners that others have: what is left has to reach the queue before the queue is written down. */
function watchExit(): void {
  if (watching) return
  watching = true
  process.prependListener('exit', () => {
    finishSpareTime()
    for (const rest of rests) rest()
  })
}
