import type { DataSource, EntityMetadata, QueryRunner } from 'typeorm'
import { familyOf } from '../typeorm'
import type { WriteBuilder } from './builder'
import { layoutOf, rootOf } from './row'

interface ReadabilityParts {
  readonly dataSource: DataSource
  failed(part: string, error: unknown): void
  inTransaction(queryRunner: QueryRunner): boolean
}

const SAVEPOINT = 'audit_logger_probe'

/** "No such column" and "no right to read it", as each database says it. */
const REFUSALS = new Set<unknown>(['42703', '42501', 1054, 1142, 1143])

/**
 * Whether a table can be read as its entity describes it. Where it cannot (a column that a migration has yet to add, no
 * right to SELECT), reading its rows would make a write fail that succeeds without capture: such a statement is repeated
 * without. In a transaction of PostgreSQL nothing can be repeated, so a criteria write asks before, once a table. save()
 * and remove() need not where TypeORM itself reads every column.
 */
export class Readability {
  readonly #parts: ReadabilityParts
  readonly #readable = new WeakSet<EntityMetadata>()
  readonly #refused = new WeakSet<EntityMetadata>()

  constructor(parts: ReadabilityParts) {
    this.#parts = parts
  }

  /** False when a statement that reads the rows would be refused. */
  mayRead({ queryRunner, expressionMap }: WriteBuilder, metadata: EntityMetadata): boolean | Promise<boolean> {
    const root = rootOf(metadata)
    if (this.#readable.has(root)) return true
    if (this.#refused.has(root)) return false
    const saved = !expressionMap.callListeners && isReadWhole(root)
    if (saved || queryRunner === undefined || this.mayRepeat(queryRunner)) return true
    return this.#probe(queryRunner, root)
  }

  wasRead(metadata: EntityMetadata): void {
    this.#readable.add(rootOf(metadata))
  }

  /** Whether the database refused to read the rows; the next statement is then not asked for them. */
  isRefusal(error: unknown, metadata: EntityMetadata): boolean {
    const root = rootOf(metadata)
    if (this.#readable.has(root)) return false
    const { code, errno, message } = ((error as { driverError?: unknown }).driverError ?? error) as Record<
      string,
      unknown
    >
    const refused = REFUSALS.has(code) || REFUSALS.has(errno) || /no such column/.test(String(message))
    if (!refused) return false
    this.#refused.add(root)
    this.#parts.failed(metadata.tablePath, error)
    return true
  }

  /** PostgreSQL gives up the whole transaction when one statement fails. */
  mayRepeat(queryRunner: QueryRunner): boolean {
    return familyOf(this.#parts.dataSource) !== 'postgres' || !this.#parts.inTransaction(queryRunner)
  }

  async #probe(queryRunner: QueryRunner, root: EntityMetadata): Promise<boolean> {
    const { driver } = this.#parts.dataSource
    const quote = (name: string) => driver.escape(name)
    const list = layoutOf(root).names.map(quote).join(', ')
    try {
      await queryRunner.query(`SAVEPOINT ${SAVEPOINT}`)
      await queryRunner.query(`SELECT ${list} FROM ${root.tablePath.split('.').map(quote).join('.')} LIMIT 0`)
      await queryRunner.query(`RELEASE SAVEPOINT ${SAVEPOINT}`)
    } catch (error) {
      this.#parts.failed(root.tablePath, error)
      await queryRunner
        .query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`)
        // The transaction was lost before: the write itself will say so.
        .catch((problem: unknown) => this.#parts.failed('savepoint', problem))
      this.#refused.add(root)
      return false
    }
    this.#readable.add(root)
    return true
  }
}

/** Whether save() reads or writes all columns: one that is kept from being read may be kept by the database too. */
function isReadWhole(root: EntityMetadata): boolean {
  const columns = [root, ...root.childEntityMetadatas].flatMap((one) => one.columns)
  return columns.every(({ isSelect, isInsert, asExpression }) => isSelect && isInsert && asExpression === undefined)
}
