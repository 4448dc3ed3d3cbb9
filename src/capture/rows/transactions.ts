import { AsyncLocalStorage } from 'node:async_hooks'
import type { DataSource, QueryRunner } from 'typeorm'
import { OWN } from '../statement'
import { familyOf } from '../typeorm'
import { despiteDeadlocks } from './deadlock'
import { exclusively } from './sending'
import { turn } from './turn'

interface TransactionsParts {
  readonly dataSource: DataSource
  readonly strict: boolean
  failed(part: string, error: unknown): void
  mayBegin(queryRunner: QueryRunner): boolean
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
    const { strict, mayBegin } = this.#parts
    if (!this.#sqlite) {
      if (!compound && !(strict && mayBegin(queryRunner))) return run()
      return exclusively(queryRunner, () =>
        mayBegin(queryRunner)
          ? despiteDeadlocks(() => this.#within(queryRunner, `START TRANSACTION${OWN}`, run))
          : run(),
      )
    }
    return this.inTurn(() =>
      strict && mayBegin(queryRunner) ? this.#within(queryRunner, `BEGIN TRANSACTION${OWN}`, run) : run(),
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
    const { promise, done } = turn()
    this.#last = promise
    await before
    try {
      return await this.#turn.run(true, run)
    } finally {
      done()
    }
  }
}
