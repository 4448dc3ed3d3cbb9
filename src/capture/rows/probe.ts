import type { DataSource, EntityMetadata, QueryRunner } from 'typeorm'
import { familyOf } from '../typeorm'
import { columnNamesOf } from './row'

interface ProbeParts {
  readonly dataSource: DataSource
  failed(part: string, error: unknown): void
  inTransaction(queryRunner: QueryRunner): boolean
}

const SAVEPOINT = 'audit_logger_probe'

/**
 * Whether a table can be read as its entity describes it, asked once a table. Where it cannot (a column that a migration
 * has yet to add, no right to SELECT), reading its rows would make a write fail that succeeds without capture.
 */
export class Probe {
  readonly #parts: ProbeParts
  readonly #readable = new WeakSet<EntityMetadata>()

  constructor(parts: ProbeParts) {
    this.#parts = parts
  }

  async readable(queryRunner: QueryRunner, metadata: EntityMetadata): Promise<boolean> {
    if (this.#readable.has(metadata)) return true
    const { dataSource } = this.#parts
    const quote = (name: string) => dataSource.driver.escape(name)
    // Named with their table: SQLite takes a lone quoted name that is no column for a text.
    const list = columnNamesOf(metadata).map((name) => `${quote('audited')}.${quote(name)}`)
    const select = `SELECT ${list.join(', ')} FROM ${metadata.tablePath.split('.').map(quote).join('.')} AS ${quote('audited')} LIMIT 0`
    // PostgreSQL gives up the whole transaction when one statement fails.
    const guarded = familyOf(dataSource) === 'postgres' && this.#parts.inTransaction(queryRunner)
    try {
      if (guarded) await queryRunner.query(`SAVEPOINT ${SAVEPOINT}`)
      await queryRunner.query(select)
      if (guarded) await queryRunner.query(`RELEASE SAVEPOINT ${SAVEPOINT}`)
    } catch (error) {
      this.#parts.failed(metadata.tablePath, error)
      if (guarded) await this.#rollBack(queryRunner)
      return false
    }
    this.#readable.add(metadata)
    return true
  }

  async #rollBack(queryRunner: QueryRunner): Promise<void> {
    try {
      await queryRunner.query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`)
    } catch (error) {
      // The transaction was lost before: the write itself will say so.
      this.#parts.failed('savepoint', error)
    }
  }
}
