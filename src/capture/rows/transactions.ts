import { AsyncLocalStorage } from 'node:async_hooks'
import type { DataSource, QueryRunner } from 'typeorm'
import { familyOf } from '../typeorm'

interface TransactionsParts {
  readonly dataSource: DataSource
  readonly strict: boolean
  failed(part: string, error: unknown): void
  inTransaction(queryRunner: QueryRunner): boolean
}

/** Makes one step of what takes several statements. */
export class Transactions {
  readonly #parts: TransactionsParts
  readonly #sqlite: boolean
  readonly #turn = new AsyncLocalStorage<boolean>()
  #last: Promise<void> = Promise.resolve()

  constructor(parts: TransactionsParts) {
    this.#parts = parts
    this.#sqlite = familyOf(parts.dataSource) === 'sqlite'
  }

  /** One transaction around what was one statement. Raw, so that the application's subscribers hear of none. */
  atomically<T>(queryRunner: QueryRunner, compound: boolean, run: () => Promise<T>): Promise<T> {
    const { strict, inTransaction } = this.#parts
    if (!this.#sqlite) {
      const needed = (compound || strict) && !inTransaction(queryRunner)
      return needed ? this.#within(queryRunner, 'START TRANSACTION', run) : run()
    }
    return this.inTurn(() =>
      strict && !inTransaction(queryRunner) ? this.#within(queryRunner, 'BEGIN TRANSACTION', run) : run(),
    )
  }

  async #within<T>(queryRunner: QueryRunner, begin: string, run: () => Promise<T>): Promise<T> {
    await queryRunner.query(begin)
    let result: T
    try {
      result = await run()
    } catch (error) {
      await queryRunner.query('ROLLBACK').catch((problem: unknown) => this.#parts.failed('rollback', problem))
      throw error
    }
    await queryRunner.query('COMMIT')
    return result
  }

  /** SQLite has one connection for all: another write between reading a row and writing it would falsify the event. */
  async inTurn<T>(run: () => Promise<T>): Promise<T> {
    // A subscriber to queries may write in its turn: it would wait for itself.
    if (!this.#sqlite || this.#turn.getStore() === true) return run()
    const before = this.#last
    let done = (): void => undefined
    this.#last = new Promise((resolve) => {
      done = resolve
    })
    await before
    try {
      return await this.#turn.run(true, run)
    } finally {
      done()
    }
  }
}
