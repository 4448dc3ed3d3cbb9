/** What was started and must be ended, whatever happens: in reverse order, each whether or not another fails. */
export class Cleanup {
  readonly #ends: (() => Promise<unknown> | unknown)[] = []

  add(end: () => Promise<unknown> | unknown): void {
    this.#ends.push(end)
  }

  /** @returns what could not be ended */
  async run(): Promise<readonly unknown[]> {
    const problems: unknown[] = []
    for (const end of this.#ends.splice(0).reverse()) {
      try {
        await end()
      } catch (error) {
        problems.push(error)
      }
    }
    return problems
  }
}
