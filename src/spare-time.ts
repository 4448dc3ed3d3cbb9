/** Holds up whatever else has to be done in the process no longer than a query of a near database does. */
const SLICE_MS = 1
/** How much is done between two looks at the clock. */
const STEP = 8

/** All that have something left, for the end of the process. */
const busy = new Set<SpareTime>()
let watching = false

/**
 * Work that need not be done before a caller goes on: it is done in order, in the turns of the event loop after this one,
 * in slices between which the application has its turn; and what is left of it when the process exits, then.
 */
export class SpareTime {
  #tasks: (() => void)[] = []
  #head = 0
  #turn: NodeJS.Immediate | undefined

  /** How many tasks are left. */
  get left(): number {
    return this.#tasks.length - this.#head
  }

  /** @param task must not throw */
  add(task: () => void): void {
    this.#tasks.push(task)
    if (this.#turn !== undefined) return
    watchExit()
    busy.add(this)
    this.#turn = setImmediate(this.#slice)
  }

  /** Does all that is left now. */
  finish(): void {
    while (this.left > 0) this.#step()
  }

  readonly #slice = (): void => {
    const until = performance.now() + SLICE_MS
    do {
      for (let count = 0; count < STEP && this.left > 0; count += 1) this.#step()
    } while (this.left > 0 && performance.now() < until)
    if (this.left > 0) {
      this.#turn = setImmediate(this.#slice)
      return
    }
    this.#turn = undefined
    busy.delete(this)
  }

  #step(): void {
    const task = this.#tasks[this.#head] as () => void
    this.#head += 1
    if (this.#head === this.#tasks.length) {
      this.#tasks = []
      this.#head = 0
    }
    task()
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
